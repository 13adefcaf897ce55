// SPDX-License-Identifier: Apache-2.0
// The raw side of spawn.h: from fork to exec.
#ifndef CORACLE_RUNTIME_BASE_SPAWN_CHILD_H_
#define CORACLE_RUNTIME_BASE_SPAWN_CHILD_H_

#include <stddef.h>
#include <sys/types.h>

namespace runtime::raw {

struct SpawnOrders {
  const char* path = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  int in = -1, out = -1, err = -1;  // -1 = /dev/null
  int failure_fd = -1;              // takes the errno of what failed, or none
  pid_t parent = 0;                 // die with it; 0 = live on
  const int* cgroup_doors = nullptr;
  size_t cgroup_door_count = 0;
};

// Default signals, the three descriptors, exec. Exit code 127 after ENOENT,
// else 126, if that fails.
[[noreturn]] void RunSpawned(const SpawnOrders& orders);

// What became of a child that was waited for.
struct Ended {
  int wait_status = 0;
  bool in_time = true;
  int error = 0;  // errno if its time could not be watched; it was killed then
};

// Waits for `pid`, which is killed after `timeout_seconds` (0 = never).
Ended AwaitEnd(pid_t pid, int timeout_seconds);

// "0" is whoever writes: the calling process, of one thread, is in the cgroups
// of these doors. False with errno.
bool EnterCgroups(const int* doors, size_t count);

// Every signal does what a new program expects, none is blocked.
void ResetSignals();

// 0–2 become the three descriptors (-1: /dev/null, opened here), in any order.
// False with errno.
bool SetStdio(int in, int out, int err);

}  // namespace runtime::raw

#endif  // CORACLE_RUNTIME_BASE_SPAWN_CHILD_H_
