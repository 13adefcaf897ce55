// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/init_child.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/base/fd_message.h"
#include "runtime/launch/hooks_child.h"

namespace runtime::launch {

using raw::Fail;
using raw::Failure;

namespace {

// The last error of a filesystem's context, such as "proc: unknown value": each
// read gives one message, a letter for its kind, a space and the text.
void AddReason(int context, Failure* failure) {
  char line[256];
  for (int i = 0; i < 16; ++i) {
    ssize_t size = read(context, line, sizeof line - 1);
    if (size <= 2 || line[0] != 'e') break;
    if (line[size - 1] == '\n') --size;
    line[size] = '\0';
    failure->text.Add(" (").Add(line + 2).Add(")");
  }
}

// "mount /proc: option hidepid: Invalid argument (…)".
bool FailProc(const ProcOrders& orders, const char* what, int context,
              Failure* failure) {
  const int error = errno;
  Fail(failure, "mount", orders.destination, 0);
  failure->error = error;
  failure->text.Add(": ").Add(what).Add(": ").Add(raw::ErrorText(error));
  AddReason(context, failure);
  return false;
}

bool MakeProc(const ProcOrders& orders, UniqueFd* proc, Failure* failure) {
  UniqueFd context(fsopen("proc", FSOPEN_CLOEXEC));
  if (!context.ok()) return FailProc(orders, "filesystem proc", -1, failure);
  for (size_t i = 0; i < orders.option_count; ++i) {
    const char* value = orders.values[i];
    if (fsconfig(context.get(),
                 value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                 orders.keys[i], value, 0) != 0) {
      return FailProc(orders, orders.keys[i], context.get(), failure);
    }
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return FailProc(orders, "filesystem proc", context.get(), failure);
  }
  proc->reset(fsmount(context.get(), FSMOUNT_CLOEXEC, orders.attributes));
  return proc->ok() || FailProc(orders, "fsmount", context.get(), failure);
}

bool GiveProcs(const InitOrders& orders, Failure* failure) {
  for (size_t i = 0; i < orders.proc_count; ++i) {
    UniqueFd proc;
    if (!MakeProc(orders.procs[i], &proc, failure)) return false;
    if (!SendByte(orders.socket, kProc, proc.get())) {
      return Fail(failure, "set-up");
    }
  }
  return true;
}

// The wait for GoOn, then HOME and 0–2.
bool AwaitRoot(const IdentityOrders& identity, int socket, Failure* failure) {
  static GoOn message;  // too large for comfort on a stack
  UniqueFd slave;
  if (ReceiveWithFd(socket, &message, sizeof message, &slave) !=
      sizeof message) {
    return Fail(failure, "set-up ended early", "", 0);
  }
  message.home[sizeof message.home - 1] = '\0';
  if (message.home[0] != '\0' && identity.home != nullptr) {
    *identity.home = message.home;
  }
  // The root directory has changed below us (pivot_root(2)).
  if (chdir("/") != 0) return Fail(failure, "chdir /");
  return TakeStdio(identity, slave.get(), failure);
}

// Says kReady and waits until the keeper has been told the pid.
bool AwaitTold(int socket, Failure* failure) {
  if (!SendByte(socket, kReady)) return Fail(failure, "set-up");
  return ReceiveByte(socket) == kTold ||
         Fail(failure, "set-up ended early", "", 0);
}

bool Prepare(InitOrders* orders, Failure* failure) {
  close(orders->other_end);  // or the set-up process's end would not be seen
  if (!Begin(orders->identity, failure)) return false;
  // Only now is our own cgroup the root of what a new namespace shows.
  if (orders->new_cgroup_namespace && unshare(CLONE_NEWCGROUP) != 0) {
    return Fail(failure, "unshare cgroup");
  }
  if (!GiveProcs(*orders, failure)) return false;
  if (!SendByte(orders->socket, kBegun)) return Fail(failure, "set-up");
  if (!AwaitRoot(orders->identity, orders->socket, failure)) return false;
  // Descriptors that whoever forked us had open are none of the container's
  // business, and a working directory must not be reachable through one
  // (CVE-2024-21626): they are closed, not only marked.
  int* const needed[] = {&orders->socket, &orders->report_fd, &orders->start_fd,
                         &orders->hook_state_fd};
  return KeepOnly(needed, 4, failure) &&
         SetRlimits(orders->identity, failure) &&
         AwaitTold(orders->socket, failure);
}

[[noreturn]] void Start(const InitOrders& orders, Reporter reporter) {
  char byte;
  ssize_t size;
  do {
    size = read(orders.start_fd, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) _exit(0);  // the keeper is gone
  Failure failure;
  if (RunStartHooks(orders, &failure) && Become(orders.identity, &failure)) {
    Exec(orders.identity, &failure);
  }
  reporter.Failed(failure);
  _exit(127);
}

}  // namespace

void RunInit(InitOrders* orders) {
  Reporter reporter(orders->report_fd);
  if (Failure failure; !Prepare(orders, &failure)) {
    reporter.set_fd(orders->report_fd);
    reporter.Failed(failure);
    SendByte(orders->socket, kFault);
    _exit(127);
  }
  reporter.set_fd(orders->report_fd);
  Start(*orders, reporter);
}

}  // namespace runtime::launch
