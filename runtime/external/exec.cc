// SPDX-License-Identifier: Apache-2.0
// exec --detach.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/external/call.h"
#include "runtime/external/console.h"
#include "runtime/external/container.h"
#include "runtime/external/pid_file.h"
#include "runtime/launch/report.h"

namespace runtime::external {
namespace {

absl::Status Exec(const ExecRequest& request, launch::Reporter* reporter) {
  ASSIGN_OR_RETURN(Json process,
                   ParseJson(request.process_json, "process.json"));
  Clamp(Privileges::Own(), &process);
  const std::string bundle = BundleDir(request.pod_dir, request.plan.id);
  // Several may run at a time.
  const std::string name = absl::StrCat("exec-", getpid());
  const std::string process_file = absl::StrCat(bundle, "/", name, ".json");
  const std::string pid_file = absl::StrCat(bundle, "/", name, ".pid");
  RETURN_IF_ERROR(WriteFileAtomic(process_file, DumpJson(process)));
  Call call;
  call.command = request.plan.runtime;
  call.args = {"exec",       "--detach",   "--process",
               process_file, "--pid-file", pid_file};
  call.in = request.stdin_fd;
  call.out = request.stdout_fd;
  call.err = request.stderr_fd;
  call.log_file = absl::StrCat(bundle, "/", name, ".log");
  Console console;
  const bool tty = BoolAt(process, "terminal");
  if (tty) {
    RETURN_IF_ERROR(console.Open(bundle, name));
    call.args.insert(call.args.end(), {"--console-socket", console.path()});
  }
  call.args.push_back(request.plan.id);
  absl::Status status = Run(call);
  unlink(process_file.c_str());
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(pid_t pid, TakePid(pid_file));
  UniqueFd master;
  if (tty) {
    ASSIGN_OR_RETURN(master, console.Receive());
  }
  reporter->Created(pid, master.get());
  return absl::OkStatus();
}

}  // namespace

void RunExec(const ExecRequest& request) {
  launch::Reporter reporter(request.report_fd);
  absl::Status status = Exec(request, &reporter);
  if (status.ok()) _exit(0);
  launch::ReportFailure(status, &reporter);
  _exit(1);
}

}  // namespace runtime::external
