// SPDX-License-Identifier: Apache-2.0
// The container's process 1 from clone to exec. Raw world: everything that
// takes memory, paths or decisions is done by the set-up process, which shares
// its namespaces until the container is created.
#ifndef CORACLE_RUNTIME_LAUNCH_INIT_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_INIT_CHILD_H_

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/spawn_child.h"
#include "runtime/launch/identity_child.h"
#include "runtime/launch/report_child.h"

namespace runtime::launch {

// Bytes on the socket between set-up and the new process.
inline constexpr char kProc = 'P';   // init → set-up: a procfs comes along
inline constexpr char kBegun = 'B';  // → set-up: in its cgroups
inline constexpr char kReady = 'R';  // → set-up: waits for its start
inline constexpr char kTold = 'T';   // set-up → : the keeper knows you
inline constexpr char kFault = 'F';  // → set-up: I reported a failure

// Set-up → the new process: its root is ready. The slave of a terminal comes
// along.
struct GoOn {
  char home[kMaxHome + sizeof("HOME=")];  // an entry of envp, or ""
};

// A procfs shows the PID namespace of whoever makes it, so init does.
struct ProcOrders {
  const char* destination = nullptr;
  // Options of the filesystem; a null value is a flag.
  const char* const* keys = nullptr;
  const char* const* values = nullptr;
  size_t option_count = 0;
  unsigned attributes = 0;  // MOUNT_ATTR_…
};

struct HookOrders {
  raw::SpawnOrders program;
  int timeout_seconds = 0;  // 0 = none
};

struct InitOrders {
  IdentityOrders identity;
  bool new_cgroup_namespace = false;
  const ProcOrders* procs = nullptr;
  size_t proc_count = 0;
  // startContainer, each with `hook_state_fd` as its standard input.
  const HookOrders* hooks = nullptr;
  size_t hook_count = 0;
  int hook_state_fd = -1;
  int socket = -1;     // to the set-up process
  int other_end = -1;  // of the set-up process, to be closed
  int report_fd = -1;  // to the keeper
  int start_fd = -1;   // from the keeper
};

[[noreturn]] void RunInit(InitOrders* orders);

// A further process, which has begun (Begin).
struct ExecOrders {
  IdentityOrders identity;
  int slave_fd = -1;   // of its terminal
  int report_fd = -1;  // to the keeper
};

[[noreturn]] void RunExecChild(ExecOrders* orders);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_INIT_CHILD_H_
