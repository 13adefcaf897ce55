// SPDX-License-Identifier: Apache-2.0
#include "runtime/command/keeper.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/fd_message.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/launch/container.h"

namespace runtime::command {
namespace {

using launch::Report;

// The next report; nullopt-like kind 0 at end of file.
Report NextReport(int fd, UniqueFd* terminal) {
  Report report = {};
  if (ReceiveWithFd(fd, &report, sizeof(report), terminal) !=
      static_cast<ssize_t>(sizeof(report))) {
    return Report{};
  }
  report.text[sizeof(report.text) - 1] = '\0';
  return report;
}

absl::Status FailureOf(const Report& report) {
  switch (report.error) {
    case ENOENT:
      return absl::NotFoundError(report.text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(report.text);
    default:
      return absl::InternalError(report.text);
  }
}

struct Reports {
  UniqueFd near, far;
};

absl::StatusOr<Reports> MakeReports() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoStatus("socketpair");
  }
  return Reports{UniqueFd(sockets[0]), UniqueFd(sockets[1])};
}

// Children of a failed set-up: the set-up process itself and perhaps init.
void ReapAll() {
  while (true) {
    pid_t pid = waitpid(-1, nullptr, 0);
    if (pid < 0 && errno != EINTR) return;
  }
}

}  // namespace

absl::StatusOr<Made> MakeProcess(
    const std::function<void(int report_fd)>& set_up) {
  ASSIGN_OR_RETURN(Reports reports, MakeReports());
  pid_t setup = fork();
  if (setup < 0) return ErrnoStatus("fork");
  if (setup == 0) {
    reports.near.reset();
    set_up(reports.far.get());
    _exit(1);
  }
  reports.far.reset();
  Made made{.report = std::move(reports.near)};
  const Report report = NextReport(made.report.get(), &made.terminal);
  if (report.kind != Report::kCreated) {
    ReapAll();
    if (report.kind == Report::kFailed) return FailureOf(report);
    return absl::InternalError("the set-up process was killed");
  }
  made.pid = report.pid;
  while (waitpid(setup, nullptr, 0) < 0 && errno == EINTR) {
  }
  return made;
}

absl::StatusOr<Made> MakeFurther(launch::ExecRequest* request) {
  ASSIGN_OR_RETURN(Reports reports, MakeReports());
  request->report_fd = reports.far.get();
  ASSIGN_OR_RETURN(const launch::ExecStarted started,
                   launch::StartExec(*request));
  reports.far.reset();
  Made made{.pid = started.pid, .report = std::move(reports.near)};
  if (!started.terminal) return made;
  const Report report = NextReport(made.report.get(), &made.terminal);
  if (report.kind == Report::kCreated) return made;
  ReapAll();
  if (report.kind == Report::kFailed) return FailureOf(report);
  return absl::InternalError("the process was killed during its set-up");
}

absl::Status AwaitExec(int report_fd) {
  const Report report = NextReport(report_fd, nullptr);
  return report.kind == Report::kFailed ? FailureOf(report) : absl::OkStatus();
}

absl::Status SendTerminal(const std::string& socket_path, int terminal) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--console-socket ", socket_path, ": path is too long"));
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                          sizeof(address)) != 0) {
    return ErrnoStatus(absl::StrCat("--console-socket ", socket_path));
  }
  constexpr absl::string_view kName = "/dev/ptmx";
  if (!SendWithFd(fd.get(), kName.data(), kName.size(), terminal)) {
    return ErrnoStatus(absl::StrCat("--console-socket ", socket_path));
  }
  return absl::OkStatus();
}

absl::Status WritePidFile(const std::string& path, pid_t pid) {
  if (path.empty()) return absl::OkStatus();
  return WriteFileAtomic(path, absl::StrCat(pid), 0644);
}

}  // namespace runtime::command
