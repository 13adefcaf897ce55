// SPDX-License-Identifier: Apache-2.0
// What a fork of the holder reads of its container. It allocates; that ends
// with the fork.
#ifndef CORACLE_RUNTIME_HOLD_PLAN_FILE_H_
#define CORACLE_RUNTIME_HOLD_PLAN_FILE_H_

#include <string>

#include "runtime/state/container.h"

namespace runtime::hold {

// The plan of container `id` in the pod's directory `dir`. If it cannot be
// read, says so on the report socket (-1: on standard error) and ends the
// process.
state::ContainerPlan ReadPlan(int dir, const std::string& id, int report);

// The path of the pod's directory, <state>/pods/<sandbox>; "" if the kernel
// cannot tell it.
std::string PodDir(int dir);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_PLAN_FILE_H_
