// SPDX-License-Identifier: Apache-2.0
// Ends a process with everything that it started.
#ifndef CORACLE_RUNTIME_HOLD_PROCESS_TREE_H_
#define CORACLE_RUNTIME_HOLD_PROCESS_TREE_H_

#include <sys/types.h>

namespace runtime::hold {

// Kills `root`, a process that the caller's parent has not reaped, its
// descendants and the members of its session. They are stopped first, until
// no new one appears, so that none escapes by forking. Best effort against
// processes that left both the tree and the session. Waits for their end;
// takes milliseconds.
void KillProcessTree(pid_t root);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_PROCESS_TREE_H_
