// SPDX-License-Identifier: Apache-2.0
// What is done for a container on the host while the set-up process is in the
// container's namespaces: by a process that was forked before.
#ifndef CORACLE_RUNTIME_LAUNCH_HOST_SIDE_H_
#define CORACLE_RUNTIME_LAUNCH_HOST_SIDE_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/plan.h"

namespace runtime::launch {

// Not thread safe. The process ends with the object.
class HostSide {
 public:
  // Forks only if there is something to do later.
  absl::Status Start(const Plan& plan);
  // Runs the hooks that run in the runtime's own namespaces, for init `pid`.
  absl::Status RunHooks(pid_t pid);
  // Limits the CPU time: last of all limits, so that a small quota does not
  // throttle init's first steps.
  absl::Status LimitCpuTime();

 private:
  absl::Status Ask(char what, pid_t pid);

  UniqueFd socket_;  // none if there is nothing to do
};

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_HOST_SIDE_H_
