// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/hooks_child.h"

#include <sys/wait.h>
#include <unistd.h>

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
  const raw::Ended ended = raw::AwaitEnd(pid, hook.timeout_seconds);
  if (ended.error != 0) {
    return raw::Fail(failure, "pidfd_open", "", ended.error);
  }
  if (!ended.in_time) {
    return FailHook(hook, "took longer than its timeout in seconds: ",
                    hook.timeout_seconds, failure);
  }
  const int result = ended.wait_status;
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
