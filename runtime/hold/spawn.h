// SPDX-License-Identifier: Apache-2.0
// From a fork of the launcher to a holder: namespaces, host name, sysctls,
// pause, socket; then the holder's loop.
#ifndef CORACLE_RUNTIME_HOLD_SPAWN_H_
#define CORACLE_RUNTIME_HOLD_SPAWN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/hold/wire.h"

namespace runtime::hold {

// `state_dir` is the launcher's state directory; the daemon has made
// "pods/<sandbox>" in it. `empty_root` is the mount namespace that pauses live
// in (pause.h) and, with `start_empty`, containers start from. Answers on
// `requester` and never returns.
[[noreturn]] void RunHolder(const Request& request, int state_dir,
                            int empty_root, bool start_empty,
                            UniqueFd requester);

// Whether a sysctl may be set for a pod with the namespaces in `flags`
// (SpawnFlag): only names that belong to one of them, no path tricks in the
// name, no line breaks in the value (CVE-2022-0811).
absl::Status CheckSysctl(absl::string_view name, absl::string_view value,
                         uint32_t flags);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_SPAWN_H_
