// SPDX-License-Identifier: Apache-2.0
// The files of a container that another runtime mounts by path: its root and
// those of its mounts that only we can make. They exist in a mount namespace of
// the process that calls the runtime, and end with it: nothing of them is ever
// mounted on the host, so nothing is left there.
#ifndef CORACLE_RUNTIME_EXTERNAL_FILES_H_
#define CORACLE_RUNTIME_EXTERNAL_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "runtime/base/json.h"
#include "runtime/state/container.h"

namespace runtime::external {

// Takes this single-threaded process into a mount namespace of its own, mounts
// the root of `plan` there and, below `scratch` (an existing empty directory),
// what `config` has of volumes from images and of binds that share their mounts
// with the host. Rewrites `config` to where they are now.
absl::Status PrepareFiles(const state::ContainerPlan& plan,
                          const std::string& scratch, Json* config);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_FILES_H_
