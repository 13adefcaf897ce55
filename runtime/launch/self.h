// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_LAUNCH_SELF_H_
#define CORACLE_RUNTIME_LAUNCH_SELF_H_

#include "absl/status/status.h"

namespace runtime::launch {

// A container's process can reach the binary that set it up as /proc/PID/exe
// and, as root, write to it (CVE-2019-5736). So this process must run from
// something that cannot be written: if it does not, it execs itself again from
// a detached read-only mount of its own file, which costs no copy, or from a
// sealed memfd where that fails. Returns if that is already so, or with the
// reason why it cannot be done. Call first in main: the exec starts over.
absl::Status ProtectSelf(char** argv);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_SELF_H_
