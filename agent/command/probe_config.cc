// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_config.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/conf_dir.h"
#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/programs.h"
#include "runtime/base/file.h"
#include "runtime/launch/container.h"

namespace agent::command {
namespace {

using ::cri::config::Config;
namespace cni = ::cri::network::cni;

constexpr uint64_t kLeastPercent = 10;

// The directory that `path` will lie in: itself, or what there is above it.
std::string Existing(std::string path) {
  while (path.size() > 1 && !runtime::Exists(path)) {
    path.resize(std::max<size_t>(1, path.rfind('/')));
  }
  return path;
}

// Runs in a child of its own: the probe changes namespaces. Bits as of
// launch::Feature; `why` as there.
uint32_t AskKernel(const std::string& directory, std::string* why) {
  int fds[2];
  if (pipe(fds) != 0) return 0;
  const runtime::UniqueFd here(fds[0]);
  runtime::UniqueFd there(fds[1]);
  const pid_t child = fork();
  if (child == 0) {
    std::string reason;
    const uint32_t bits = runtime::launch::ProbeFeatures(directory, &reason);
    const bool told = runtime::WriteAll(there.get(), reason, "pipe").ok();
    _exit(told ? static_cast<int>(bits) : 0);
  }
  there.reset();
  *why = runtime::ReadFd(here.get(), "pipe").value_or("");
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? static_cast<uint32_t>(WEXITSTATUS(status)) : 0;
}

}  // namespace

std::vector<Finding> ProbeStorage(const Config& config) {
  std::vector<Finding> findings;
  const std::string directory = Existing(config.root);
  struct statvfs space = {};
  if (statvfs(directory.c_str(), &space) == 0 && space.f_blocks > 0) {
    const uint64_t percent = space.f_bavail * 100 / space.f_blocks;
    const uint64_t inodes =
        space.f_files == 0 ? 100 : space.f_favail * 100 / space.f_files;
    const std::string text = absl::StrCat(
        percent, " % of space and ", inodes, " % of inodes free, ",
        space.f_bavail * space.f_frsize >> 30, " GiB, for ", config.root);
    const bool enough = percent >= kLeastPercent && inodes >= kLeastPercent;
    findings.push_back({enough ? Verdict::kGood : Verdict::kLimited, "disk",
                        text,
                        enough ? ""
                               : "make room, or the node reports "
                                 "DiskPressure"});
  }
  struct statfs kind = {};
  if (statfs(directory.c_str(), &kind) == 0 &&
      kind.f_type == OVERLAYFS_SUPER_MAGIC) {
    findings.push_back(
        {Verdict::kMissing, "filesystem",
         absl::StrCat(config.root,
                      " is on an overlayfs, which cannot hold the upper layers "
                      "of containers"),
         "mount a disk or a volume there, or choose another with the key "
         "root"});
  }
  const std::string launcher = ::cri::config::LauncherPath(config);
  if (access(launcher.c_str(), X_OK) == 0) {
    findings.push_back({Verdict::kGood, "coracle-oci", launcher, ""});
  } else {
    findings.push_back(
        {Verdict::kMissing, "coracle-oci",
         absl::StrCat(launcher, " is not there"),
         "install it beside coracle, or name it with the key launcher"});
  }
  return findings;
}

std::vector<Finding> ProbeMounts(const Config& config) {
  std::string why;
  const uint32_t bits = AskKernel(Existing(config.root), &why);
  std::vector<Finding> findings;
  if ((bits & runtime::launch::kUserNamespaces) != 0) {
    findings.push_back({Verdict::kGood, "user namespaces",
                        "there, with ID-mapped mounts", ""});
  } else {
    findings.push_back(
        {Verdict::kLimited, "user namespaces",
         absl::StrCat("not for pods: ", why.empty() ? "no answer" : why),
         "pods with hostUsers: false are refused; Linux 6.3, a filesystem with "
         "ID-mapped mounts and user.max_user_namespaces above 0 give them"});
  }
  if ((bits & runtime::launch::kRecursiveReadOnly) != 0) {
    findings.push_back(
        {Verdict::kGood, "recursive read-only mounts", "there", ""});
  } else {
    findings.push_back({Verdict::kLimited, "recursive read-only mounts",
                        "not in this kernel",
                        "use Linux 5.12 or newer for recursiveReadOnly"});
  }
  return findings;
}

std::vector<Finding> ProbeCni(const Config& config) {
  if (config.network != "cni") return {};
  const auto conf = cni::LoadConfDir(config.cni_conf_dir);
  if (!conf.ok()) {
    return {{Verdict::kMissing, "CNI configuration",
             std::string(conf.status().message()),
             absl::StrCat("pods wait for a network until one is in ",
                          config.cni_conf_dir)}};
  }
  std::vector<Finding> findings = {
      {Verdict::kGood, "CNI configuration",
       absl::StrCat("network ", conf->name, " of ", config.cni_conf_dir), ""}};
  if (config.cni_in_process && cni::Builtin::Understands(*conf).ok()) {
    return findings;
  }
  const cni::Programs programs(config.cni_bin_dirs);
  for (const cni::PluginConf& plugin : conf->plugins) {
    const auto found = programs.Find(plugin.type);
    if (found.ok()) continue;
    findings.push_back({Verdict::kMissing,
                        absl::StrCat("CNI plugin ", plugin.type),
                        std::string(found.status().message()),
                        "install it, or name its directory with the key "
                        "cni_bin_dirs"});
  }
  return findings;
}

}  // namespace agent::command
