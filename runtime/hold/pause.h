// SPDX-License-Identifier: Apache-2.0
// The pause: process 1 of a PID namespace that a pod's containers share. It
// reaps orphans and otherwise sleeps.
#ifndef CORACLE_RUNTIME_HOLD_PAUSE_H_
#define CORACLE_RUNTIME_HOLD_PAUSE_H_

#include <sys/types.h>

#include "runtime/base/unique_fd.h"

namespace runtime::hold {

// Starts a pause as a child of the caller and dies with it. `name` is an
// existing directory below `dir_fd`, on which the pause mounts an empty root of
// its own, visible to nobody else. The PID namespace belongs to the user
// namespace `user_fd` (-1: the host's). Returns its pid and opens its PID
// namespace, or returns -errno.
pid_t StartPause(int dir_fd, const char* name, int user_fd,
                 UniqueFd* pid_namespace);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_PAUSE_H_
