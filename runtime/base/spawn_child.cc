// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/unique_fd.h"

namespace runtime::raw {
namespace {

[[noreturn]] void Give(int failure_fd, int error) {
  if (failure_fd >= 0 && write(failure_fd, &error, sizeof error) < 0) {
    _exit(126);
  }
  _exit(error == ENOENT ? 127 : 126);
}

}  // namespace

void ResetSignals() {
  // The kernel's own structure: the C library hides two signals that its
  // threads use, and those may be ignored too. All zero is SIG_DFL.
  struct {
    void* handler = nullptr;
    unsigned long flags = 0;
    void* restorer = nullptr;
    unsigned long mask = 0;
  } action;
  // An ignored signal stays ignored over exec; a workload expects the default,
  // SIGPIPE above all.
  for (int signal = 1; signal <= 64; ++signal) {
    syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof(action.mask));
  }
  unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

bool SetStdio(int in, int out, int err) {
  int fds[3] = {in, out, err};
  // Moved above 2 first: one of them may be where another belongs.
  for (int& fd : fds) {
    fd = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
    if (fd >= 0) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return false;
  }
  for (int i = 0; i < 3; ++i) {
    if (dup2(fds[i], i) < 0) return false;
    close(fds[i]);
  }
  return true;
}

Ended AwaitEnd(pid_t pid, int timeout_seconds) {
  Ended ended;
  if (timeout_seconds > 0) {
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    pollfd wait = {pidfd.get(), POLLIN, 0};
    ended.error = pidfd.ok() ? 0 : errno;
    ended.in_time = pidfd.ok() && poll(&wait, 1, timeout_seconds * 1000) == 1;
    if (!ended.in_time) kill(pid, SIGKILL);
  }
  while (waitpid(pid, &ended.wait_status, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

bool EnterCgroups(const int* doors, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (write(doors[i], "0", 1) != 1) return false;
  }
  return true;
}

void RunSpawned(const SpawnOrders& orders) {
  if (orders.parent != 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Another one: it went before. 0 is a parent in another PID namespace.
    const pid_t parent = getppid();
    if (parent != orders.parent && parent != 0) _exit(127);
  }
  ResetSignals();
  if (!EnterCgroups(orders.cgroup_doors, orders.cgroup_door_count)) {
    Give(orders.failure_fd, errno);
  }
  if (!SetStdio(orders.in, orders.out, orders.err) ||
      syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
    Give(orders.failure_fd, errno);
  }
  execve(orders.path, orders.argv, orders.envp);
  Give(orders.failure_fd, errno);
}

}  // namespace runtime::raw
