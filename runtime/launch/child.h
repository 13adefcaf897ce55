// SPDX-License-Identifier: Apache-2.0
// The normal world's side of a process that will exec in a container: cloning
// it, and the talk with it while it takes its first steps (init_child.h).
#ifndef CORACLE_RUNTIME_LAUNCH_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_CHILD_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/container.h"
#include "runtime/path/proc.h"

namespace runtime::launch {

// clone3 like fork, as a child of the caller's parent and, if `cgroup_fd` ≥ 0,
// in that v2 cgroup. Single-threaded callers only; the child is in the raw
// world.
pid_t CloneSibling(int cgroup_fd);

// clone3 like fork, but born in those namespaces of the process that the pidfd
// `process` is of in whose place `own` are the caller's and, if `cgroup_fd` ≥
// 0, in that v2 cgroup. Who has no CAP_SYS_PTRACE on the host may not trace it:
// it cannot be dumped. The caller is back in its own afterwards.
// Single-threaded callers only.
pid_t CloneInside(int process, const OwnNamespaces& own, int cgroup_fd);

// Not thread safe.
class Child {
 public:
  // Makes the socket between the two.
  absl::Status Prepare();
  int near_end() const { return near_.get(); }
  int far_end() const { return far_.get(); }
  // It was cloned, with both ends.
  void Cloned(pid_t pid);

  // Its next word, with the descriptor that came along; an error if it has told
  // the keeper of a failure instead, or was killed.
  absl::StatusOr<char> Await(UniqueFd* fd = nullptr);
  // Its root is ready; see struct GoOn. `slave_fd` may be -1.
  absl::Status GoOn(const std::string& home, int slave_fd);
  absl::Status Tell(char byte);

  // 0 before it was cloned.
  pid_t pid() const { return pid_; }
  bool reported() const { return reported_; }
  // Ends its reads.
  void HangUp() { near_.reset(); }

 private:
  UniqueFd near_, far_;
  pid_t pid_ = 0;
  bool reported_ = false;
};

// Of this process, inherited by its children.
absl::Status SetOomScore(const path::Proc& proc, std::optional<int> score);
// A mount needs a descriptor while it is on its way; the container's own limit
// is set later from its config.
void RaiseFileLimit();

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_CHILD_H_
