// SPDX-License-Identifier: Apache-2.0
// The few mounts that volumes need: memory-backed directories, binds from a
// descriptor, and taking everything below a directory away again. All act on
// the mount namespace of the calling process.
#ifndef CORACLE_AGENT_VOLUME_MOUNT_H_
#define CORACLE_AGENT_VOLUME_MOUNT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace agent::volume {

// True if `path` itself (no symlink followed) is the root of a mount.
absl::StatusOr<bool> IsMountPoint(const std::string& path);

// Mounts a tmpfs with `options` ("mode=0755,size=…"); never swapped out where
// the kernel can promise that.
absl::Status MountTmpfs(const std::string& path, const std::string& options);
absl::Status MountHugetlbfs(const std::string& path,
                            const std::string& options);

// Binds what `fd` refers to onto `target`, whatever its path is by now.
absl::Status BindDescriptor(int fd, const std::string& target);

// Detaches the mount at `path`; it vanishes when its last user does. Not
// mounted: OK.
absl::Status Detach(const std::string& path);

// Detaches every mount at or below `directory`, also stacked ones.
absl::Status DetachBelow(const std::string& directory);

// Mount points of a mountinfo text that are `directory` or below it, in
// the order of the table.
std::vector<std::string> MountPointsBelow(absl::string_view mountinfo,
                                          absl::string_view directory);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_MOUNT_H_
