// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/spawn_child.h"
#include "runtime/base/status.h"

namespace runtime {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<Spawned> Spawn(const Program& program) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  Spawned spawned;
  spawned.failure.reset(fds[0]);
  UniqueFd low(fds[1]);
  // Not where one of the three descriptors belongs.
  UniqueFd there(fcntl(low.get(), F_DUPFD_CLOEXEC, 3));
  low.reset();
  if (!there.ok()) return ErrnoStatus("dup");
  const std::vector<char*> argv = Pointers(program.args);
  const std::vector<char*> envp = Pointers(program.env);
  raw::SpawnOrders orders;
  orders.path = program.path.c_str();
  orders.argv = argv.data();
  orders.envp = envp.data();
  orders.in = program.in;
  orders.out = program.out;
  orders.err = program.err;
  orders.failure_fd = there.get();
  orders.parent = program.dies_with_parent ? getpid() : 0;
  orders.cgroup_doors = program.cgroup_doors.data();
  orders.cgroup_door_count = program.cgroup_doors.size();
  spawned.pid = fork();
  if (spawned.pid < 0) return ErrnoStatus("fork");
  if (spawned.pid == 0) raw::RunSpawned(orders);
  return spawned;
}

absl::Status AwaitSpawn(const Spawned& spawned, const std::string& path) {
  int error = 0;
  ssize_t size;
  do {
    size = read(spawned.failure.get(), &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  if (size == sizeof error) {
    return ErrnoStatus(error, absl::StrCat("start ", path));
  }
  return size == 0 ? absl::OkStatus() : ErrnoStatus("start");
}

}  // namespace runtime
