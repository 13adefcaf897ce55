// SPDX-License-Identifier: Apache-2.0
// What a child of the holder reads of its container.
#ifndef CORACLE_RUNTIME_HOLD_PLAN_FILE_H_
#define CORACLE_RUNTIME_HOLD_PLAN_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/state/container.h"

namespace runtime::hold {

// The plan of container `id` in the pod's directory `dir`.
absl::StatusOr<state::ContainerPlan> ReadPlan(int dir, const std::string& id);

// The path of the pod's directory, <state>/pods/<sandbox>; "" if the kernel
// cannot tell it.
std::string PodDir(int dir);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_PLAN_FILE_H_
