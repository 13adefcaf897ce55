// SPDX-License-Identifier: Apache-2.0
// The last steps of a further process of a container.
#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/launch/init_child.h"

namespace runtime::launch {
namespace {

using raw::Failure;

bool Prepare(ExecOrders* orders, Failure* failure) {
  // What the command starts and orphans stays below it while it lives, so that
  // a keeper that ends the command's tree finds all of it.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  int* const needed[] = {&orders->report_fd};
  return TakeStdio(orders->identity, orders->slave_fd, failure) &&
         KeepOnly(needed, 1, failure) &&
         SetRlimits(orders->identity, failure) &&
         Become(orders->identity, failure);
}

}  // namespace

void RunExecChild(ExecOrders* orders) {
  Reporter reporter(orders->report_fd);
  Failure failure;
  if (!Prepare(orders, &failure)) {
    reporter.set_fd(orders->report_fd);
    reporter.Failed(failure);
    _exit(127);
  }
  reporter.set_fd(orders->report_fd);
  Exec(orders->identity, &failure);
  reporter.Failed(failure);
  _exit(failure.error == ENOENT ? 127 : 126);
}

}  // namespace runtime::launch
