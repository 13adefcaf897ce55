// SPDX-License-Identifier: Apache-2.0
// subPath: a part of a volume, handed to one container. The part is opened
// inside the volume by the kernel (openat2), so that no symlink leads out of
// it, and bound by descriptor to a place that the pod cannot reach: what is
// mounted is what was checked (CVE-2017-1002101, CVE-2021-25741).
#ifndef CORACLE_AGENT_VOLUME_SUB_PATH_H_
#define CORACLE_AGENT_VOLUME_SUB_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace agent::volume {

// INVALID_ARGUMENT if absolute or with "..".
absl::Status CheckSubPath(const std::string& sub_path);

// Opens `sub_path` inside `volume` (O_PATH), creating missing directories with
// the volume's own mode. Symlinks are followed as long as they stay inside.
absl::StatusOr<runtime::UniqueFd> OpenSubPath(const std::string& volume,
                                              const std::string& sub_path);

// Binds what OpenSubPath finds to `target`, once; a repeated call keeps a mount
// that still shows the same file.
absl::Status BindSubPath(const std::string& volume, const std::string& sub_path,
                         const std::string& target);

// Takes down <pod>/volume-subpaths. Removes empty leaves only, so that even a
// mount that could not be detached loses nothing.
absl::Status RemoveSubPaths(const std::string& pod_directory);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_SUB_PATH_H_
