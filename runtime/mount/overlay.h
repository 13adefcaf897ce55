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
  std::string label = {};          // SELinux context of all in it; "" = none
};

// A detached overlay. Layers are added one by one where the kernel can (Linux
// 6.7): any number, any path length. Older kernels get them as /proc/self/fd/N
// in one string, about 200. Its upper directory gets whole files and
// directories, whatever the kernel's defaults for redirects and metacopy are.
absl::StatusOr<UniqueFd> NewOverlay(const OverlayDirs& dirs,
                                    const std::string& target);

// Whether NewOverlay mounts on the directory `target` for a moment, as it has
// to before Linux 6.7: call it in a mount namespace of the process's own then.
// What it finds out, this process and those that it forks need not again.
bool OverlayNeedsTarget();

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_OVERLAY_H_
