// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/hooks_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/unique_fd.h"

namespace runtime::launch {
namespace {

// "startContainer hook /x: ended with exit code 3".
bool FailHook(const HookOrders& hook, const char* why, int number,
              raw::Failure* failure) {
  raw::Fail(failure, "startContainer hook", hook.program.path, 0);
  failure->text.Add(": ").Add(why).Add(static_cast<uint64_t>(number));
  return false;
}

bool RunHook(const HookOrders& hook, raw::Failure* failure) {
  pid_t pid = _Fork();  // without handlers of the C library
  if (pid < 0) return raw::Fail(failure, "fork");
  if (pid == 0) raw::RunSpawned(hook.program);
  bool in_time = true;
  int error = 0;
  if (hook.timeout_seconds > 0) {
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    pollfd wait = {pidfd.get(), POLLIN, 0};
    error = pidfd.ok() ? 0 : errno;
    in_time = pidfd.ok() && poll(&wait, 1, hook.timeout_seconds * 1000) == 1;
    if (!in_time) kill(pid, SIGKILL);
  }
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  if (error != 0) return raw::Fail(failure, "pidfd_open", "", error);
  if (!in_time) {
    return FailHook(hook, "took longer than its timeout in seconds: ",
                    hook.timeout_seconds, failure);
  }
  if (WIFSIGNALED(result)) {
    return FailHook(hook, "was killed by signal ", WTERMSIG(result), failure);
  }
  return WEXITSTATUS(result) == 0 ||
         FailHook(hook, "ended with exit code ", WEXITSTATUS(result), failure);
}

}  // namespace

bool RunStartHooks(const InitOrders& orders, raw::Failure* failure) {
  for (size_t i = 0; i < orders.hook_count; ++i) {
    HookOrders hook = orders.hooks[i];
    hook.program.in = orders.hook_state_fd;
    hook.program.out = hook.program.err = 2;
    if (lseek(orders.hook_state_fd, 0, SEEK_SET) != 0) {
      return raw::Fail(failure, "lseek");
    }
    if (!RunHook(hook, failure)) return false;
  }
  return true;
}

}  // namespace runtime::launch
