// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_MOUNT_OVERLAY_H_
#define CORACLE_RUNTIME_MOUNT_OVERLAY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::mount {

struct OverlayDirs {
  std::vector<std::string> lower;  // top first
  std::string upper, work;         // both empty: read-only
};

// Mounts an overlay on the directory `target` and returns a descriptor of its
// root. Layers are added one by one where the kernel can (Linux 6.7): any
// number, any path length. Older kernels get them as /proc/self/fd/N in one
// string, about 200.
absl::StatusOr<UniqueFd> MountOverlay(const OverlayDirs& dirs,
                                      const std::string& target);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_OVERLAY_H_
