// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_LAUNCH_HOST_H_
#define CORACLE_RUNTIME_LAUNCH_HOST_H_

#include "absl/status/status.h"
#include "runtime/launch/plan.h"

namespace runtime::launch {

// Names, loopback interface and sysctls of the namespaces that are the
// container's own. Call inside them.
absl::Status SetHost(const Plan& plan);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_HOST_H_
