// SPDX-License-Identifier: Apache-2.0
// The last steps of a process before it execs, for init and exec alike: who it
// is and what it may do. Raw world, in the order that the kernel's rules
// demand.
#ifndef CORACLE_RUNTIME_LAUNCH_IDENTITY_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_IDENTITY_CHILD_H_

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/raw.h"
#include "runtime/spec/plain.h"

namespace runtime::launch {

// A longer home directory counts as none.
inline constexpr size_t kMaxHome = 4000;

// All pointers lead into what the set-up process has prepared (identity.h).
struct IdentityOrders {
  char* const* argv = nullptr;
  // Ends with nullptr; `home` points to a free entry before that, or is null if
  // the config has a HOME.
  char** envp = nullptr;
  char** home = nullptr;
  const char* cwd = nullptr;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  size_t group_count = 0;
  mode_t umask = 022;
  spec::Capabilities capabilities;
  const spec::Rlimit* rlimits = nullptr;
  size_t rlimit_count = 0;
  const sock_filter* filter = nullptr;  // seccomp; null = none
  unsigned short filter_size = 0;
  unsigned filter_flags = 0;
  bool no_new_privileges = false;
  bool user_namespace = false;  // become its root first of all
  bool terminal = false;
  uint16_t rows = 0, columns = 0;     // of it; 0 = leave
  int in = -1, out = -1, err = -1;    // without one; -1 = /dev/null
  const int* cgroup_doors = nullptr;  // see cgroup::Cgroup::OpenDoors
  size_t cgroup_door_count = 0;
};

// First of all: the cgroups, the user namespace's root, a session and
// a keyring of its own.
bool Begin(const IdentityOrders& orders, raw::Failure* failure);

// 0–2 are the descriptors of the orders, or the terminal `slave_fd`.
bool TakeStdio(const IdentityOrders& orders, int slave_fd,
               raw::Failure* failure);

// Closes all descriptors but 0–2 and these, which become 3, 4, … and are not
// inherited over exec. Negative ones are left out. At most 4.
bool KeepOnly(int* const* needed, size_t count, raw::Failure* failure);

// Limits above what this process may set are cut to it.
bool SetRlimits(const IdentityOrders& orders, raw::Failure* failure);

// A pipe, socket or terminal (but /dev/null) becomes the user's own.
void GiveStream(int fd, uid_t uid);

// From here on the process is the container's user with its capabilities and
// working directory.
bool Become(const IdentityOrders& orders, raw::Failure* failure);

// The file that argv[0] names, by PATH of its environment, into `file` (of
// PATH_MAX bytes).
bool FindCommand(const IdentityOrders& orders, char* file,
                 raw::Failure* failure);

// Execs it; returns only if that failed.
void Exec(const IdentityOrders& orders, raw::Failure* failure);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_IDENTITY_CHILD_H_
