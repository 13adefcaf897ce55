// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/netns_pin.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

absl::Status PinNetns(const std::string& path, int netns_fd) {
  RETURN_IF_ERROR(UnpinNetns(path));
  RETURN_IF_ERROR(runtime::MakeDirs(path.substr(0, path.rfind('/')), 0755));
  ASSIGN_OR_RETURN(const runtime::UniqueFd file,
                   runtime::OpenFile(path, O_RDONLY | O_CREAT | O_EXCL, 0444));
  const std::string source = absl::StrCat("/proc/self/fd/", netns_fd);
  if (mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) {
    return absl::OkStatus();
  }
  const absl::Status failed =
      runtime::ErrnoStatus(absl::StrCat("mount the namespace on ", path));
  unlink(path.c_str());
  return failed;
}

bool IsPinned(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

absl::Status UnpinNetns(const std::string& path) {
  // Mounts in other mount namespaces go with the file.
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 &&
      errno != EINVAL && errno != ENOENT) {
    return runtime::ErrnoStatus(absl::StrCat("unmount ", path));
  }
  return runtime::RemoveFile(path);
}

}  // namespace cri::network::cni
