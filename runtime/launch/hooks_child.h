// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_LAUNCH_HOOKS_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_HOOKS_CHILD_H_

#include "runtime/launch/init_child.h"

namespace runtime::launch {

// The startContainer hooks, one after another, in the process that is about to
// become the workload. The first that fails, or takes longer than its timeout,
// is the failure.
bool RunStartHooks(const InitOrders& orders, raw::Failure* failure);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_HOOKS_CHILD_H_
