// SPDX-License-Identifier: Apache-2.0
// The systemd scope of a sandbox, in which its containers have their cgroups:
//
//   <slice>/coracle-<sandbox>.scope/anchor        the anchor (hold/anchor.h)
//                                  /<container>
//
// systemd delegates the scope's cgroup, so what is below it is as without
// systemd, and no reload of systemd changes it. One for the sandbox, not for
// each container: a crash loop costs systemd nothing.
#ifndef CORACLE_RUNTIME_HANDLER_SCOPE_H_
#define CORACLE_RUNTIME_HANDLER_SCOPE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace runtime::handler {

// The scope runs and `anchor` is in it. An anchor that was killed may have
// taken the scope along or not; both are made good.
absl::Status EnsureScope(const std::string& sandbox_id,
                         const std::string& slice, pid_t anchor);

// Ends what is left of the scope, and removes its cgroups. What fails is
// logged: a scope without processes goes by itself.
void EndScope(const std::string& sandbox_id, const std::string& slice);

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_SCOPE_H_
