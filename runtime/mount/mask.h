// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_MOUNT_MASK_H_
#define CORACLE_RUNTIME_MOUNT_MASK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/path/root.h"

namespace runtime::mount {

// Hides files behind `null_tree` (a detached mount of the host's /dev/null,
// verified; used up) and directories behind one shared empty read-only tmpfs.
// Missing paths are skipped.
absl::Status MaskPaths(const path::Root& root,
                       const std::vector<std::string>& paths, int null_tree);

// Makes each path, with what is mounted below it, read-only.
absl::Status ReadonlyPaths(const path::Root& root,
                           const std::vector<std::string>& paths);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_MASK_H_
