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
// taken the scope along or not, or be about to; all are made good. Calls for
// one sandbox take turns; each may block for three times what
// runtime/systemd/units.h tells.
absl::Status EnsureScope(const std::string& sandbox_id,
                         const std::string& slice, pid_t anchor);

// Ends what is left in the scope and removes its cgroups. With `await` it then
// has systemd end the scope, and may block for what runtime/systemd/units.h
// tells; else the one cgroup that systemd goes by stays, empty, which makes it
// end the scope by itself when it comes to it. What fails is logged.
void EndScope(const std::string& sandbox_id, const std::string& slice,
              bool await);

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_SCOPE_H_
