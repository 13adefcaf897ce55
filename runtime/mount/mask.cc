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

// Mounts over `target` what all masks of a kind share: the first time the
// detached `tree` itself, later a clone of it, which by then is one of this
// mount namespace's own (older kernels clone no other).
absl::Status Cover(int target, int tree, bool* attached) {
  if (!*attached) {
    *attached = true;
    return Attach(tree, target);
  }
  ASSIGN_OR_RETURN(UniqueFd clone, CloneTree(tree, "", false));
  return Attach(clone.get(), target);
}

absl::StatusOr<UniqueFd> EmptyDirectory() {
  return NewFilesystem("tmpfs", "tmpfs",
                       {"mode=0555", "size=4k", "nr_inodes=1"},
                       kEmptyAttributes);
}

}  // namespace

absl::Status MaskPaths(const path::Root& root,
                       const std::vector<std::string>& paths, int null_tree) {
  UniqueFd empty;
  bool empty_used = false, null_used = false;
  for (const std::string& path : paths) {
    absl::StatusOr<UniqueFd> target = root.OpenAt(path, O_PATH);
    if (!target.ok() && IsMissing(target.status())) continue;
    RETURN_IF_ERROR(Annotate(target.status(), "mask"));
    struct stat info;
    if (fstat(target->get(), &info) != 0) return ErrnoStatus(path);
    if (S_ISDIR(info.st_mode) && !empty.ok()) {
      ASSIGN_OR_RETURN(empty, EmptyDirectory());
    }
    absl::Status status = S_ISDIR(info.st_mode)
                              ? Cover(target->get(), empty.get(), &empty_used)
                              : Cover(target->get(), null_tree, &null_used);
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
