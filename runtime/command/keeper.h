// SPDX-License-Identifier: Apache-2.0
// The OCI command line as keeper of a process that it sets up: forks the
// transient set-up process, reads its reports, carries its terminal.
#ifndef CORACLE_RUNTIME_COMMAND_KEEPER_H_
#define CORACLE_RUNTIME_COMMAND_KEEPER_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/container.h"

namespace runtime::command {

struct Made {
  pid_t pid = 0;
  UniqueFd terminal;  // master, if the process has one
  UniqueFd report;    // end of file = the workload runs
};

// Runs `set_up` with the report socket in a fork until it reports the process
// created. On failure everything it left is reaped.
absl::StatusOr<Made> MakeProcess(
    const std::function<void(int report_fd)>& set_up);

// Starts a further process in a container, with report_fd filled in, and waits
// until it has its terminal, if it wants one.
absl::StatusOr<Made> MakeFurther(launch::ExecRequest* request);

// Waits for the exec: OK, or why it failed. Afterwards the process is gone but
// not reaped.
absl::Status AwaitExec(int report_fd);

// Exit code of `pid` as a shell would say it. With `terminal` ≥ 0 standard
// input and output are connected to it meanwhile. Signals that reach us are
// passed on.
absl::StatusOr<int> Attend(pid_t pid, int terminal);

// Sends the terminal to whoever listens at `socket_path` (--console-socket).
absl::Status SendTerminal(const std::string& socket_path, int terminal);

absl::Status WritePidFile(const std::string& path, pid_t pid);

}  // namespace runtime::command

#endif  // CORACLE_RUNTIME_COMMAND_KEEPER_H_
