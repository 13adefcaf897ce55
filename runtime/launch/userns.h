// SPDX-License-Identifier: Apache-2.0
// A container in a user namespace. The set-up process does all that needs the
// host's privileges first, then enters the namespace and clones init there.
#ifndef CORACLE_RUNTIME_LAUNCH_USERNS_H_
#define CORACLE_RUNTIME_LAUNCH_USERNS_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/plan.h"

namespace runtime::launch {

// Opens or makes the container's user namespace and those that its mounts name,
// and tells plan->root. Nothing to do without any.
absl::Status PlanUserNamespace(Plan* plan);

// Enters it, still as the host's root: cgroups let in only whom the host knows.
// Init's pipes are given to the container's user before.
absl::Status EnterUserNamespace(const Plan& plan);

// Runs the hooks of a container in the runtime's own namespaces: a process that
// was forked before set-up entered any other.
class HookRunner {
 public:
  // Forks only if there are such hooks.
  absl::Status Start(const Plan& plan);
  // Blocks until they have run for init `pid`.
  absl::Status Run(pid_t pid);

 private:
  UniqueFd socket_;
  pid_t pid_ = 0;
};

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_USERNS_H_
