// SPDX-License-Identifier: Apache-2.0
// A further process of a container from clone to exec.
#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/launch/init_child.h"

namespace runtime::launch {
namespace {

using raw::Failure;

bool Prepare(ExecOrders* orders, Failure* failure) {
  close(orders->other_end);  // or the set-up process's end would not be seen
  if (!Begin(orders->identity, failure)) return false;
  // What the command starts and orphans stays below it while it lives, so that
  // a keeper that ends the command's tree finds all of it.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (!AwaitRoot(orders->identity, orders->socket, failure)) return false;
  int* const needed[] = {&orders->socket, &orders->report_fd};
  return KeepOnly(needed, 2, failure) &&
         SetRlimits(orders->identity, failure) &&
         AwaitTold(orders->socket, failure) &&
         Become(orders->identity, failure);
}

}  // namespace

void RunExecChild(ExecOrders* orders) {
  Reporter reporter(orders->report_fd);
  Failure failure;
  if (!Prepare(orders, &failure)) {
    reporter.set_fd(orders->report_fd);
    reporter.Failed(failure);
    SendByte(orders->socket, kFault);
    _exit(127);
  }
  reporter.set_fd(orders->report_fd);
  Exec(orders->identity, &failure);
  reporter.Failed(failure);
  _exit(failure.error == ENOENT ? 127 : 126);
}

}  // namespace runtime::launch
