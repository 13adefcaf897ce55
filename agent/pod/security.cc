// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/security.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

// The paths that show or change the host through /proc and /sys.
constexpr const char* kMasked[] = {
    "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
    "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
constexpr const char* kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq",
                                     "/proc/sys", "/proc/sysrq-trigger"};

// Namespaced sysctls that cannot harm the node or other pods.
constexpr const char* kSafeSysctls[] = {"kernel.shm_rmid_forced",
                                        "net.ipv4.ip_local_port_range",
                                        "net.ipv4.tcp_syncookies",
                                        "net.ipv4.ping_group_range",
                                        "net.ipv4.ip_unprivileged_port_start",
                                        "net.ipv4.ip_local_reserved_ports",
                                        "net.ipv4.tcp_keepalive_time",
                                        "net.ipv4.tcp_fin_timeout",
                                        "net.ipv4.tcp_keepalive_intvl",
                                        "net.ipv4.tcp_keepalive_probes",
                                        "net.ipv4.tcp_rmem",
                                        "net.ipv4.tcp_wmem"};

// `pattern` is a name with dots or slashes, or a prefix and '*'.
bool Fits(const std::string& dotted, std::string pattern) {
  std::replace(pattern.begin(), pattern.end(), '/', '.');
  if (absl::EndsWith(pattern, "*")) {
    pattern.pop_back();
    return absl::StartsWith(dotted, pattern);
  }
  return dotted == pattern;
}

// `key` of the container's context, else of the pod's.
const Json& Merged(const Json& pod, const Json& container, const char* key) {
  const Json& own = runtime::At(container, {"securityContext", key});
  if (!own.is_null()) return own;
  return runtime::At(pod, {"spec", "securityContext", key});
}

std::string Where(const Json& pod, const status::ContainerSpec& container) {
  return absl::StrCat("(pod: \"", status::Describe(pod),
                      "\", container: ", container.name, ")");
}

absl::Status CheckNonRoot(const Json& pod,
                          const status::ContainerSpec& container,
                          const v1::Image& image) {
  if (Merged(pod, *container.json, "runAsNonRoot") != true) {
    return absl::OkStatus();
  }
  const Json& user = Merged(pod, *container.json, "runAsUser");
  std::string where = Where(pod, container);
  if (user.is_number()) {
    if (user != 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("container's runAsUser breaks non-root policy ", where));
  }
  if (image.has_uid()) {
    if (image.uid().value() != 0) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "container has runAsNonRoot and image will run as root ", where));
  }
  if (image.username().empty() || image.username() == "root") {
    return absl::FailedPreconditionError(absl::StrCat(
        "container has runAsNonRoot and image will run as root ", where));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "container has runAsNonRoot and image has non-numeric user (",
      image.username(), "), cannot verify user is non-root ", where));
}

void FillUser(const Json& pod, const Json& container, const v1::Image& image,
              v1::LinuxContainerSecurityContext& out) {
  const Json& user = Merged(pod, container, "runAsUser");
  if (user.is_number_integer()) {
    out.mutable_run_as_user()->set_value(user.get<int64_t>());
  } else if (image.has_uid()) {
    out.mutable_run_as_user()->set_value(image.uid().value());
  } else if (!image.username().empty()) {
    out.set_run_as_username(image.username());
  } else {
    out.mutable_run_as_user()->set_value(0);
  }
  const Json& group = Merged(pod, container, "runAsGroup");
  if (group.is_number_integer()) {
    out.mutable_run_as_group()->set_value(group.get<int64_t>());
  }
  for (int64_t id : SupplementalGroups(pod)) out.add_supplemental_groups(id);
  if (runtime::StringAt(pod, {"spec", "securityContext",
                              "supplementalGroupsPolicy"}) == "Strict") {
    out.set_supplemental_groups_policy(v1::Strict);
  }
}

v1::SecurityProfile Seccomp(const Json& pod, const Json& container,
                            const std::string& kubelet_dir,
                            bool seccomp_default) {
  const Json& profile = Merged(pod, container, "seccompProfile");
  std::string type = runtime::StringAt(
      profile, "type", seccomp_default ? "RuntimeDefault" : "Unconfined");
  v1::SecurityProfile out;
  if (type == "RuntimeDefault") {
    out.set_profile_type(v1::SecurityProfile::RuntimeDefault);
  } else if (type == "Localhost") {
    out.set_profile_type(v1::SecurityProfile::Localhost);
    out.set_localhost_ref(
        absl::StrCat(kubelet_dir, "/seccomp/",
                     runtime::StringAt(profile, "localhostProfile")));
  } else {
    out.set_profile_type(v1::SecurityProfile::Unconfined);
  }
  return out;
}

// Of a pod that asks for a profile. Silence leaves the choice to the runtime:
// on hosts without AppArmor containerd refuses even its own default.
v1::SecurityProfile AppArmor(const Json& profile) {
  std::string type = runtime::StringAt(profile, "type");
  v1::SecurityProfile out;
  if (type == "Localhost") {
    out.set_profile_type(v1::SecurityProfile::Localhost);
    out.set_localhost_ref(runtime::StringAt(profile, "localhostProfile"));
  } else if (type == "Unconfined") {
    out.set_profile_type(v1::SecurityProfile::Unconfined);
  } else {
    out.set_profile_type(v1::SecurityProfile::RuntimeDefault);
  }
  return out;
}

void FillPrivilege(const Json& own, v1::LinuxContainerSecurityContext& out) {
  out.set_privileged(runtime::BoolAt(own, "privileged"));
  out.set_readonly_rootfs(runtime::BoolAt(own, "readOnlyRootFilesystem"));
  out.set_no_new_privs(!runtime::BoolAt(own, "allowPrivilegeEscalation", true));
  auto* caps = out.mutable_capabilities();
  const Json& given = runtime::At(own, "capabilities");
  for (const Json& name : runtime::ArrayAt(given, "add")) {
    if (name.is_string()) caps->add_add_capabilities(name.get<std::string>());
  }
  for (const Json& name : runtime::ArrayAt(given, "drop")) {
    if (name.is_string()) caps->add_drop_capabilities(name.get<std::string>());
  }
  if (runtime::StringAt(own, "procMount", "Default") != "Default") return;
  for (const char* path : kMasked) out.add_masked_paths(path);
  for (const char* path : kReadOnly) out.add_readonly_paths(path);
}

void FillSelinux(const Json& options, v1::LinuxContainerSecurityContext& out) {
  if (!options.is_object()) return;
  auto* selinux = out.mutable_selinux_options();
  selinux->set_user(runtime::StringAt(options, "user"));
  selinux->set_role(runtime::StringAt(options, "role"));
  selinux->set_type(runtime::StringAt(options, "type"));
  selinux->set_level(runtime::StringAt(options, "level"));
}

}  // namespace

std::vector<int64_t> SupplementalGroups(const Json& pod) {
  const Json& security = runtime::At(pod, {"spec", "securityContext"});
  std::vector<int64_t> out;
  for (const Json& id : runtime::ArrayAt(security, "supplementalGroups")) {
    if (id.is_number_integer()) out.push_back(id.get<int64_t>());
  }
  if (runtime::Has(security, "fsGroup")) {
    out.push_back(runtime::IntAt(security, "fsGroup"));
  }
  return out;
}

std::string UnsafeSysctl(const Json& pod,
                         const std::vector<std::string>& allowed) {
  const Json& security = runtime::At(pod, {"spec", "securityContext"});
  for (const Json& sysctl : runtime::ArrayAt(security, "sysctls")) {
    std::string name = runtime::StringAt(sysctl, "name");
    std::string dotted = name;
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    bool safe = std::any_of(std::begin(kSafeSysctls), std::end(kSafeSysctls),
                            [&](const char* s) { return dotted == s; });
    safe |= std::any_of(allowed.begin(), allowed.end(),
                        [&](const std::string& p) { return Fits(dotted, p); });
    // A sysctl of a namespace that the pod shares with the node is the node's.
    safe &= !(absl::StartsWith(dotted, "net.") && status::HostNetwork(pod));
    safe &= !((absl::StartsWith(dotted, "kernel.") ||
               absl::StartsWith(dotted, "fs.mqueue.")) &&
              runtime::BoolAt(runtime::At(pod, "spec"), "hostIPC"));
    if (!safe) return name;
  }
  return "";
}

absl::StatusOr<v1::LinuxContainerSecurityContext> ContainerSecurity(
    const Json& pod, const status::ContainerSpec& container,
    const v1::Image& image, const std::string& kubelet_dir,
    bool seccomp_default) {
  RETURN_IF_ERROR(CheckNonRoot(pod, container, image));
  v1::LinuxContainerSecurityContext out;
  FillUser(pod, *container.json, image, out);
  FillPrivilege(runtime::At(*container.json, "securityContext"), out);
  *out.mutable_seccomp() =
      Seccomp(pod, *container.json, kubelet_dir, seccomp_default);
  const Json& apparmor = Merged(pod, *container.json, "appArmorProfile");
  if (apparmor.is_object()) *out.mutable_apparmor() = AppArmor(apparmor);
  FillSelinux(Merged(pod, *container.json, "seLinuxOptions"), out);
  return out;
}

}  // namespace agent::pod
