// SPDX-License-Identifier: Apache-2.0
// What set-up and exec share around clone3.
#ifndef CORACLE_RUNTIME_LAUNCH_CLONE_H_
#define CORACLE_RUNTIME_LAUNCH_CLONE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "runtime/path/proc.h"

namespace runtime::launch {

// clone3 like fork, with CLONE_… flags and, if `cgroup_fd` ≥ 0, into that v2
// cgroup. Single-threaded callers only.
pid_t CloneProcess(uint64_t flags, int cgroup_fd);

// Of this process, inherited by its children.
absl::Status SetOomScore(const path::Proc& proc, std::optional<int> score);
void RaiseFileLimit();

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_CLONE_H_
