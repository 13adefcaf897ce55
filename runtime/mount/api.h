// SPDX-License-Identifier: Apache-2.0
// The kernel's mount API on descriptors (Linux 5.12: open_tree, fsopen,
// mount_setattr, move_mount): a mount gets all its attributes while nobody can
// reach it and is then attached to a descriptor, never to a path.
#ifndef CORACLE_RUNTIME_MOUNT_API_H_
#define CORACLE_RUNTIME_MOUNT_API_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime::mount {

// A detached copy of the mount at `path` below `dirfd` (empty path: dirfd
// itself), with what is mounted below it if `recursive`.
absl::StatusOr<UniqueFd> CloneTree(int dirfd, const std::string& path,
                                   bool recursive);

// A new filesystem, detached. `options` are "key" or "key=value";
// `attributes` are MOUNT_ATTR_….
absl::StatusOr<UniqueFd> NewFilesystem(const std::string& type,
                                       const std::string& source,
                                       const std::vector<std::string>& options,
                                       uint64_t attributes);

// MOUNT_ATTR_… to set and clear; `propagation` is MS_PRIVATE, MS_SLAVE,
// MS_SHARED, MS_UNBINDABLE or 0.
absl::Status SetAttributes(int mount_fd, uint64_t set, uint64_t clear,
                           uint64_t propagation, bool recursive);

// Shows the owners of the files of a detached mount, and of those below it if
// `recursive`, as the user namespace `user_fd` maps them.
absl::Status SetIdMap(int mount_fd, int user_fd, bool recursive);

// Attaches a detached mount on top of what `target_fd` (O_PATH) refers to.
absl::Status Attach(int mount_fd, int target_fd);

// The message of the newest error in an fsopen context, or "".
std::string FilesystemError(int context_fd);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_API_H_
