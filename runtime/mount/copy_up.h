// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_MOUNT_COPY_UP_H_
#define CORACLE_RUNTIME_MOUNT_COPY_UP_H_

#include <vector>

#include "absl/status/status.h"

namespace runtime::mount {

// Copies what is in the directory `from` into the directory `to`: directories,
// regular files and symlinks (as such, never followed) with mode and owner.
// Other kinds are left out. Mount option tmpcopyup.
absl::Status CopyTree(int from, int to);

// The same by a process that enters the cgroups of `doors` before, so that the
// memory is charged to the container. For callers with one thread.
absl::Status CopyTreeIn(const std::vector<int>& doors, int from, int to);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_COPY_UP_H_
