// SPDX-License-Identifier: Apache-2.0
// The anchor: a process that does nothing but be in the pod's systemd scope.
// systemd makes a scope around a process and ends it with the last one; so the
// scope, and the cgroups of exited containers in it, last as long as the holder
// does. The holder itself stays out of the pod's cgroup and its limits.
#ifndef CORACLE_RUNTIME_HOLD_ANCHOR_H_
#define CORACLE_RUNTIME_HOLD_ANCHOR_H_

#include <sys/types.h>

namespace runtime::hold {

// Starts one as a child of the caller, which dies with it. Returns its pid, or
// -errno. It is in the caller's cgroups: who asked for it moves it.
pid_t StartAnchor();

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_ANCHOR_H_
