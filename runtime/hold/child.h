// SPDX-License-Identifier: Apache-2.0
// What every process that launcher and holder fork does first.
#ifndef CORACLE_RUNTIME_HOLD_CHILD_H_
#define CORACLE_RUNTIME_HOLD_CHILD_H_

namespace runtime::hold {

// Undoes what the holder set for itself: signal mask and dispositions,
// protection from the OOM killer. Dies with its parent until it execs.
void ResetChild();

// Shows `title` in ps, as far as there is room, and `comm` as thread name.
void SetTitle(const char* comm, const char* title);

// Writes the OOM score adjustment of the calling process. 0 or an errno.
int SetOomScore(int value);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_CHILD_H_
