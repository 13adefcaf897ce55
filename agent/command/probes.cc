// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probes.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"

namespace agent::command {
namespace {

std::string Text(const std::string& path) {
  return runtime::ReadFile(path).value_or("");
}

int64_t Number(const std::string& path) {
  int64_t value = 0;
  return absl::SimpleAtoi(absl::StripAsciiWhitespace(Text(path)), &value)
             ? value
             : -1;
}

Finding Good(std::string subject, std::string text) {
  return {Verdict::kGood, std::move(subject), std::move(text), ""};
}

constexpr char kBridged[] = "net/bridge/bridge-nf-call-iptables";

// The kernel knows the call unless it answers ENOSYS.
bool HasCall(long number) {
  return syscall(number, -1, nullptr, nullptr, 0, 0) >= 0 || errno != ENOSYS;
}

struct NamedCapability {
  const char* name;
  int bit;
  const char* use;
};
constexpr NamedCapability kCapabilities[] = {
    {"CAP_SYS_ADMIN", CAP_SYS_ADMIN, "namespaces and mounts"},
    {"CAP_NET_ADMIN", CAP_NET_ADMIN, "pod networks"},
    {"CAP_MKNOD", CAP_MKNOD, "device files"},
    {"CAP_SETUID", CAP_SETUID, "container users"},
    {"CAP_SETGID", CAP_SETGID, "container groups"},
    {"CAP_SETPCAP", CAP_SETPCAP, "container capabilities"},
    {"CAP_CHOWN", CAP_CHOWN, "volume owners"},
    {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE, "files of container users"},
    {"CAP_KILL", CAP_KILL, "stopping containers"},
    {"CAP_SYS_CHROOT", CAP_SYS_CHROOT, "root filesystems"},
    {"CAP_SYS_RESOURCE", CAP_SYS_RESOURCE,
     "lower OOM scores and higher resource limits"},
};

// Without br_netfilter nobody translates what one port of a bridge answers
// another. Coracle's own bridge leads such answers through the node instead.
Finding NoBridgeNetfilter() {
  return {Verdict::kLimited, "br_netfilter",
          "not loaded: a pod that reaches another of its node through a "
          "service address comes there as the node (bridge), or may get no "
          "answer (CNI, kube-proxy with IPVS)",
          "modprobe br_netfilter; for every boot: echo br_netfilter "
          ">/etc/modules-load.d/br_netfilter.conf"};
}

}  // namespace

std::vector<std::string> MissingCapabilities(absl::string_view status) {
  uint64_t effective = 0;
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, "CapEff:")) {
      (void)absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &effective);
    }
  }
  std::vector<std::string> missing;
  for (const NamedCapability& capability : kCapabilities) {
    if ((effective >> capability.bit & 1) == 0) {
      missing.push_back(capability.name);
    }
  }
  return missing;
}

Finding CheckNftables(int error, bool cni) {
  if (error == 0) return {Verdict::kGood, "nftables", "there", ""};
  const bool forbidden = error == EPERM || error == EACCES;
  return {
      cni ? Verdict::kLimited : Verdict::kMissing, "nftables",
      absl::StrCat(forbidden ? "not allowed here (" : "not in this kernel (",
                   strerror(error), "): ",
                   cni ? "pods with host ports are refused, as nothing "
                         "would keep others from the node's 127.0.0.0/8"
                       : "no pod gets a network"),
      forbidden ? "run coracle where it may make networks"
                : "modprobe nf_tables; for every boot: echo nf_tables "
                  ">/etc/modules-load.d/nf_tables.conf; a kernel without "
                  "the module needs CONFIG_NF_TABLES and "
                  "CONFIG_NF_TABLES_INET"};
}

bool IsShared(absl::string_view mountinfo, absl::string_view path) {
  size_t best = 0;
  bool shared = false;
  for (const absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    if (fields.size() < 7) continue;
    const absl::string_view point = fields[4];
    const bool covers = point == "/" || path == point ||
                        absl::StartsWith(path, absl::StrCat(point, "/"));
    if (!covers || point.size() < best) continue;
    best = point.size();
    shared = absl::StrContains(line.substr(0, line.find(" - ")), " shared:");
  }
  return shared;
}

std::vector<Finding> ProbeKernel() {
  std::vector<Finding> findings;
  utsname names = {};
  uname(&names);
  findings.push_back(Good("kernel", names.release));
  const std::pair<const char*, long> calls[] = {
      {"clone3", SYS_clone3},
      {"openat2", SYS_openat2},
      {"pidfd_open", SYS_pidfd_open},
      {"mount_setattr", SYS_mount_setattr}};
  for (const auto& [name, number] : calls) {
    if (HasCall(number)) continue;
    findings.push_back({Verdict::kMissing, name,
                        "the kernel lacks this system call",
                        "use a kernel of 5.15 or newer"});
  }
  for (const char* ns : {"pid", "mnt", "uts", "ipc", "net", "cgroup"}) {
    if (runtime::Exists(absl::StrCat("/proc/self/ns/", ns))) continue;
    findings.push_back({Verdict::kMissing, absl::StrCat(ns, " namespace"),
                        "not in this kernel", "use a kernel with namespaces"});
  }
  if (absl::StrContains(Text("/proc/filesystems"), "\toverlay\n")) {
    findings.push_back(Good("overlayfs", "there"));
  } else {
    findings.push_back({Verdict::kMissing, "overlayfs",
                        "not among /proc/filesystems", "modprobe overlay"});
  }
  const uint32_t action = SECCOMP_RET_ERRNO;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) {
    findings.push_back(Good("seccomp", "filters there"));
  } else {
    findings.push_back({Verdict::kMissing, "seccomp", "no filters",
                        "use a kernel with CONFIG_SECCOMP_FILTER"});
  }
  return findings;
}

std::vector<Finding> ProbeCapabilities() {
  if (geteuid() != 0) {
    return {{Verdict::kMissing, "root", "coracle runs as another user",
             "run it as root"}};
  }
  std::vector<Finding> findings;
  const auto missing = MissingCapabilities(Text("/proc/self/status"));
  for (const NamedCapability& capability : kCapabilities) {
    if (std::find(missing.begin(), missing.end(), capability.name) ==
        missing.end()) {
      continue;
    }
    const bool hard = capability.bit != CAP_SYS_RESOURCE;
    findings.push_back(
        {hard ? Verdict::kMissing : Verdict::kLimited, capability.name,
         absl::StrCat("not held; needed for ", capability.use),
         hard ? "run coracle outside of a confined container"
              : "pods work, with these values clamped; run coracle with full "
                "capabilities to have them"});
  }
  if (findings.empty()) {
    findings.push_back(Good("capabilities", "root, all there"));
  }
  return findings;
}

std::vector<Finding> CheckSysctls(
    const std::function<int64_t(const std::string&)>& read) {
  struct Row {
    const char* name;
    int64_t least;
    int64_t good;
    const char* use;
  };
  constexpr Row kRows[] = {
      {"fs/inotify/max_user_instances", 512, 8192,
       "programs that watch files, for each user"},
      {"fs/inotify/max_user_watches", 65536, 524288,
       "files they watch, for each user"},
      {"kernel/pid_max", 65536, 4194304, "processes and threads of all pods"},
      {"user/max_user_namespaces", 1, 65536, "pods with hostUsers: false"},
      {kBridged, 1, 1,
       "service addresses that lead to a pod of the same bridge"}};
  std::vector<Finding> findings;
  for (const Row& row : kRows) {
    const int64_t value = read(row.name);
    if (value < 0 && absl::string_view(row.name) == kBridged) {
      findings.push_back(NoBridgeNetfilter());
    }
    // What the kernel does not have it does not limit.
    if (value < 0 || value >= row.least) continue;
    const std::string name = absl::StrReplaceAll(row.name, {{"/", "."}});
    findings.push_back({Verdict::kLimited, name,
                        absl::StrCat(value, " is low for ", row.use),
                        absl::StrCat("sysctl -w ", name, "=", row.good)});
  }
  return findings;
}

std::vector<Finding> ProbeSecurity() {
  std::vector<Finding> findings;
  const char kParser[] = "/sbin/apparmor_parser";
  if (!absl::StartsWith(Text("/sys/module/apparmor/parameters/enabled"), "Y")) {
    findings.push_back({Verdict::kLimited, "AppArmor", "not in this kernel",
                        "pods that ask for a profile are refused; boot with "
                        "apparmor=1 and lsm=…,apparmor"});
  } else if (!runtime::Exists(kParser)) {
    findings.push_back({Verdict::kLimited, "AppArmor",
                        absl::StrCat("enabled, but ", kParser, " is missing"),
                        "containers run without the default profile; install "
                        "the package apparmor"});
  } else {
    findings.push_back(Good("AppArmor", "enabled"));
  }
  const std::string enforce = Text("/sys/fs/selinux/enforce");
  findings.push_back(Good("SELinux", enforce.empty()
                                         ? "off; labels of pods are not needed"
                                     : enforce[0] == '1' ? "enforcing"
                                                         : "permissive"));
  return findings;
}

std::vector<Finding> ProbeHost() {
  std::vector<Finding> findings;
  if (IsShared(Text("/proc/self/mountinfo"), "/var/lib/kubelet")) {
    findings.push_back(Good("mount propagation", "shared"));
  } else {
    findings.push_back({Verdict::kLimited, "mount propagation",
                        "the mount below /var/lib/kubelet is private: "
                        "containers with Bidirectional volume mounts are "
                        "refused, and those with HostToContainer see nothing "
                        "that is mounted later",
                        "mount --make-rshared /"});
  }
  if (absl::StrContains(Text("/proc/swaps"), "\n/")) {
    findings.push_back({Verdict::kLimited, "swap", "in use",
                        "swapoff -a, or set failSwapOn: false"});
  }
  for (Finding& finding : CheckSysctls([](const std::string& name) {
         return Number("/proc/sys/" + name);
       })) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace agent::command
