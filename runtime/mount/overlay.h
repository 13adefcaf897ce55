// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_MOUNT_OVERLAY_H_
#define CORACLE_RUNTIME_MOUNT_OVERLAY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::mount {

// A detached overlay of `lower_dirs` (top first) under a writable `upper_dir`,
// or read-only if that is empty. Any number of layers and any path length:
// layers are added one by one (lowerdir+, Linux 6.7), and older kernels, whose
// options are limited to a page, get them as /proc/self/fd/N.
absl::StatusOr<UniqueFd> NewOverlay(const std::vector<std::string>& lower_dirs,
                                    const std::string& upper_dir,
                                    const std::string& work_dir);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_OVERLAY_H_
