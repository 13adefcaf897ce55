// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/mask.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"

namespace runtime::mount {
namespace {

constexpr uint64_t kEmptyAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

bool IsMissing(const absl::Status& status) {
  // ENOTDIR comes as INVALID_ARGUMENT together with ELOOP; only a missing path
  // may be skipped silently.
  return absl::IsNotFound(status);
}

// Mounts the empty directory over `target`; the first call makes it, later ones
// clone it, so that a container has one superblock for all its masks.
absl::Status MaskDirectory(int target, UniqueFd* empty) {
  if (!empty->ok()) {
    ASSIGN_OR_RETURN(
        *empty,
        NewFilesystem("tmpfs", "tmpfs", {"mode=0555", "size=4k", "nr_inodes=1"},
                      kEmptyAttributes));
    return Attach(empty->get(), target);
  }
  ASSIGN_OR_RETURN(UniqueFd clone, CloneTree(empty->get(), "", false));
  return Attach(clone.get(), target);
}

absl::Status MaskFile(int target, int null_fd) {
  ASSIGN_OR_RETURN(UniqueFd clone, CloneTree(null_fd, "", false));
  return Attach(clone.get(), target);
}

}  // namespace

absl::Status MaskPaths(const path::Root& root,
                       const std::vector<std::string>& paths, int null_fd) {
  UniqueFd empty;
  for (const std::string& path : paths) {
    absl::StatusOr<UniqueFd> target = root.OpenAt(path, O_PATH);
    if (!target.ok() && IsMissing(target.status())) continue;
    RETURN_IF_ERROR(Annotate(target.status(), "mask"));
    struct stat info;
    if (fstat(target->get(), &info) != 0) return ErrnoStatus(path);
    absl::Status status = S_ISDIR(info.st_mode)
                              ? MaskDirectory(target->get(), &empty)
                              : MaskFile(target->get(), null_fd);
    RETURN_IF_ERROR(Annotate(status, absl::StrCat("mask ", path)));
  }
  return absl::OkStatus();
}

absl::Status ReadonlyPaths(const path::Root& root,
                           const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    absl::StatusOr<UniqueFd> target = root.OpenAt(path, O_PATH);
    if (!target.ok() && IsMissing(target.status())) continue;
    RETURN_IF_ERROR(Annotate(target.status(), "read-only"));
    ASSIGN_OR_RETURN(UniqueFd clone, CloneTree(target->get(), "", true));
    absl::Status status =
        SetAttributes(clone.get(), MOUNT_ATTR_RDONLY, 0, 0, true);
    if (status.ok()) status = Attach(clone.get(), target->get());
    RETURN_IF_ERROR(Annotate(status, absl::StrCat("read-only ", path)));
  }
  return absl::OkStatus();
}

}  // namespace runtime::mount
