// SPDX-License-Identifier: Apache-2.0
// A container in a user namespace. The set-up process does all that needs the
// host's privileges first, then enters the namespace and clones init there.
#ifndef CORACLE_RUNTIME_LAUNCH_USERNS_H_
#define CORACLE_RUNTIME_LAUNCH_USERNS_H_

#include "absl/status/status.h"
#include "runtime/launch/plan.h"

namespace runtime::launch {

// Opens or makes the container's user namespace and those that its mounts name,
// and tells plan->root. Nothing to do without any.
absl::Status PlanUserNamespace(Plan* plan);

// Enters it, still as the host's root: cgroups let in only whom the host knows.
// Init's pipes are given to the container's user before.
absl::Status EnterUserNamespace(const Plan& plan);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_USERNS_H_
