// SPDX-License-Identifier: Apache-2.0
// Running another program: hooks, other OCI runtimes, commands for the daemon.
#ifndef CORACLE_RUNTIME_BASE_SPAWN_H_
#define CORACLE_RUNTIME_BASE_SPAWN_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime {

struct Program {
  std::string path;  // absolute; no search
  std::vector<std::string> args, env;
  int in = -1, out = -1, err = -1;  // -1 = /dev/null
  // Killed when the caller ends, whatever the reason.
  bool dies_with_parent = false;
  // Files that take "0" from whoever enters a cgroup (cgroup::OpenDoors).
  std::vector<int> cgroup_doors;
};

// A program that was started. Not waited for by itself.
struct Spawned {
  pid_t pid = 0;
  // End of file when the program runs; before that the errno (an int) of what
  // kept it from running.
  UniqueFd failure;
};

// What execve takes: a pointer to each string, then nullptr. They hold as long
// as the strings stay where they are. The kernel does not write through them.
std::vector<char*> Pointers(const std::vector<std::string>& strings);

// Forks and execs. Only the three descriptors stay open. For callers with one
// thread.
absl::StatusOr<Spawned> Spawn(const Program& program);

// Blocks until the program runs: OK, or why it does not. It has to be waited
// for either way.
absl::Status AwaitSpawn(const Spawned& spawned, const std::string& path);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_SPAWN_H_
