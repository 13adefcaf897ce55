// SPDX-License-Identifier: Apache-2.0
// The pause: process 1 of a PID namespace that a pod's containers share. It
// reaps orphans and otherwise sleeps.
#ifndef CORACLE_RUNTIME_HOLD_PAUSE_H_
#define CORACLE_RUNTIME_HOLD_PAUSE_H_

#include <sys/types.h>

#include "absl/functional/function_ref.h"
#include "runtime/base/unique_fd.h"

namespace runtime::hold {

// Makes a mount namespace with nothing in it but an empty read-only root: for
// all pauses to live in and for containers to start from. One that is made from
// the host's copies every mount of it, those of all other pods too, to throw
// them away. `name` is an existing directory below
// `dir_fd`; what is mounted on it is visible to nobody else. Returns 0 or an
// errno.
int MakeEmptyRoot(int dir_fd, const char* name, UniqueFd* mounts);

// That namespace, made when it is first wanted.
class EmptyRoot {
 public:
  // 0, or the errno of `make`. What lacked room may be had the next time; what
  // the kernel or a policy refuses is not asked for again, until AskAgain.
  int Ensure(absl::FunctionRef<int(UniqueFd* mounts)> make);
  void AskAgain() { refused_ = 0; }
  int fd() const { return mounts_.get(); }  // -1: there is none

 private:
  UniqueFd mounts_;
  int refused_ = 0;
};

// Starts a pause as a child of the caller and dies with it. It lives in the
// mount namespace `mounts_fd`; its PID namespace belongs to the user namespace
// `user_fd` (-1: the host's). Returns its pid and opens its PID namespace, or
// returns -errno.
pid_t StartPause(int mounts_fd, int user_fd, UniqueFd* pid_namespace);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_PAUSE_H_
