// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_LAUNCH_HOOKS_H_
#define CORACLE_RUNTIME_LAUNCH_HOOKS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/launch/plan.h"
#include "runtime/spec/spec.h"

namespace runtime::launch {

// Hooks that run in the runtime's own namespaces while init waits.
bool HasRuntimeHooks(const spec::Hooks& hooks);
// Any that are run before the workload.
bool HasHooks(const spec::Hooks& hooks);

// The OCI state document that hooks read on standard input. `pid` is init's, as
// they see it.
std::string HookState(const Plan& plan, pid_t pid);

// Runs them one after another; the first that fails (or takes longer than its
// timeout) is the error. `kind` names it. They die with the caller and run in
// the cgroups of the doors, if there are any.
absl::Status RunHooks(const std::vector<spec::Hook>& hooks,
                      absl::string_view kind, const std::string& state,
                      const std::vector<int>& cgroup_doors = {});

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_HOOKS_H_
