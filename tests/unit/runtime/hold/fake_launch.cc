// SPDX-License-Identifier: Apache-2.0
// A stand-in for runtime/launch: "containers" are plain processes of the host,
// made in the same order of steps and reports. For tests of the holder alone.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/launch/container.h"

namespace runtime::launch {
namespace {

void Send(int fd, Report::Kind kind, pid_t pid, int error,
          absl::string_view text) {
  Report report{};
  report.kind = kind;
  report.pid = pid;
  report.error = error;
  report.phase_count = 1;
  report.phases[0] = {"parse", 1000};
  memcpy(report.text, text.data(),
         std::min(text.size(), sizeof report.text - 1));
  send(fd, &report, sizeof report, MSG_NOSIGNAL);
}

void Connect(int fd, int target) {
  dup2(fd >= 0 ? fd : open("/dev/null", O_RDWR), target);
}

[[noreturn]] void Execute(const Json& process, int report) {
  std::vector<std::string> args;
  for (const Json& arg : ArrayAt(process, "args")) {
    args.push_back(arg.get_ref<const std::string&>());
  }
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  Send(report, Report::kFailed, 0, errno,
       absl::StrCat("exec ", args[0], ": ", strerror(errno)));
  _exit(128);
}

pid_t CloneSibling() {
  return static_cast<pid_t>(
      syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

}  // namespace

void RunSetup(const SetupRequest& request) {
  absl::StatusOr<Json> config = ParseJson(request.config_json, "config.json");
  if (!config.ok()) {
    Send(request.report_fd, Report::kFailed, 0, 0, config.status().message());
    _exit(1);
  }
  if (Has(*config, "crash")) abort();
  pid_t pid = CloneSibling();
  if (pid == 0) {
    setsid();
    Connect(request.stdin_fd, 0);
    Connect(request.stdout_fd, 1);
    Connect(request.stderr_fd, 2);
    char go;
    if (read(request.start_fd, &go, 1) != 1) _exit(1);
    fcntl(request.report_fd, F_SETFD, FD_CLOEXEC);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    Execute(At(*config, "process"), request.report_fd);
  }
  Send(request.report_fd, Report::kCreated, pid, 0, "");
  _exit(0);
}

absl::StatusOr<ExecTarget> FindExecTarget(pid_t init_pid, const std::string&,
                                          const cgroup::Layout& layout) {
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup, cgroup::Cgroup::At("/fake", layout));
  ASSIGN_OR_RETURN(path::Proc proc, path::Proc::Open());
  return ExecTarget{.init_pid = init_pid,
                    .proc = std::move(proc),
                    .cgroup = std::move(cgroup)};
}

absl::StatusOr<ExecStarted> StartExec(const ExecRequest& request) {
  ASSIGN_OR_RETURN(const Json process,
                   ParseJson(request.process_json, "process"));
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    Connect(request.stdin_fd, 0);
    Connect(request.stdout_fd, 1);
    Connect(request.stderr_fd, 2);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    Execute(process, request.report_fd);
  }
  return ExecStarted{pid, false};
}

uint32_t ProbeFeatures(const std::string&, std::string* why) {
  *why = "the test has none";
  return kRecursiveReadOnly;
}
void LearnKernel() {}
bool CanStartEmpty(int) { return false; }
int RemoveCgroups(const std::string&) { return 0; }
int KillCgroup(const std::string&, int) { return 0; }
int64_t OomKills(const std::string&) { return 0; }

}  // namespace runtime::launch
