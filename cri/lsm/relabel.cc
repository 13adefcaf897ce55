// SPDX-License-Identifier: Apache-2.0
// Walks a volume by descriptors: nothing that is swapped meanwhile leads out.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "absl/strings/str_cat.h"
#include "cri/lsm/selinux.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::lsm {
namespace {

constexpr int kMaxDepth = 256;

// The host's own; a container's label on them would lock the host out.
constexpr const char* kSystem[] = {
    "/",        "/bin",     "/boot",    "/dev",      "/etc",
    "/home",    "/lib",     "/lib64",   "/opt",      "/proc",
    "/root",    "/run",     "/sbin",    "/srv",      "/sys",
    "/tmp",     "/usr",     "/var",     "/var/lib",  "/var/lib/kubelet",
    "/var/log", "/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share"};

std::string ByFd(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

absl::Status RelabelAt(int fd, const std::string& path, dev_t device,
                       const std::string& label, int depth) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return runtime::ErrnoStatus(path);
  // What is mounted below keeps its label; so does a link, which has no use
  // for one.
  if (info.st_dev != device || S_ISLNK(info.st_mode)) return absl::OkStatus();
  if (setxattr(ByFd(fd).c_str(), "security.selinux", label.c_str(),
               label.size() + 1, 0) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("relabel ", path));
  }
  if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
  if (depth > kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("relabel ", path, ": nested too deep"));
  }
  ASSIGN_OR_RETURN(std::vector<std::string> names, runtime::ListDir(ByFd(fd)));
  for (const std::string& name : names) {
    runtime::UniqueFd child(
        openat(fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!child.ok() && errno == ENOENT) continue;  // gone meanwhile
    const std::string below = absl::StrCat(path, "/", name);
    if (!child.ok()) return runtime::ErrnoStatus(below);
    RETURN_IF_ERROR(RelabelAt(child.get(), below, device, label, depth + 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Relabel(const std::string& path, const std::string& label) {
  ASSIGN_OR_RETURN(const std::string resolved, runtime::RealPath(path));
  for (const char* system : kSystem) {
    if (resolved != system) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("selinux_relabel: ", resolved, " belongs to the host"));
  }
  ASSIGN_OR_RETURN(runtime::UniqueFd fd,
                   runtime::OpenFile(resolved, O_PATH | O_NOFOLLOW));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return runtime::ErrnoStatus(resolved);
  return RelabelAt(fd.get(), resolved, info.st_dev, label, 0);
}

}  // namespace cri::lsm
