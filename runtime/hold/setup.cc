// SPDX-License-Identifier: Apache-2.0
// What runs between the holder's fork and the set-up of runtime/launch, and how
// its reports come back. Memory taken in the children ends with them.
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/fd_message.h"
#include "runtime/external/container.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/plan_file.h"
#include "runtime/state/record.h"

namespace runtime::hold {
namespace {

[[noreturn]] void FailChild(int report, absl::string_view text) {
  if (report < 0) {
    std::string line = absl::StrCat("holder: ", text, "\n");
    _exit(write(STDERR_FILENO, line.data(), line.size()) < 0 ? 2 : 1);
  }
  launch::Report message{};
  message.kind = launch::Report::kFailed;
  memcpy(message.text, text.data(),
         std::min(text.size(), sizeof message.text - 1));
  send(report, &message, sizeof message, MSG_NOSIGNAL);
  _exit(1);
}

std::string SeccompCache(int dir) {
  const std::string pod = PodDir(dir);
  return pod.empty() ? "" : absl::StrCat(pod, "/../../seccomp");
}

std::string ReadProcess(int fd) {
  std::string json;
  char buffer[16384];
  off_t at = 0;
  ssize_t size;
  while ((size = pread(fd, buffer, sizeof buffer, at)) > 0) {
    json.append(buffer, static_cast<size_t>(size));
    at += size;
  }
  return json;
}

}  // namespace

state::ContainerPlan ReadPlan(int dir, const std::string& id, int report) {
  std::string path = absl::StrCat("/proc/self/fd/", dir, "/", id, ".plan");
  absl::StatusOr<std::string> body =
      state::ReadRecord(path, state::kContainerPlanKind);
  if (!body.ok()) FailChild(report, body.status().message());
  state::ContainerPlan plan;
  if (!state::Decode(*body, &plan)) {
    FailChild(report, absl::StrCat("plan of container ", id, ": malformed"));
  }
  return plan;
}

std::string PodDir(int dir) {
  char path[PATH_MAX];
  std::string link = absl::StrCat("/proc/self/fd/", dir);
  ssize_t size = readlink(link.c_str(), path, sizeof path);
  if (size <= 0 || path[0] != '/') return "";
  return std::string(path, static_cast<size_t>(size));
}

void Holder::SetupChild(const HeldContainer& container, int report, int start,
                        int in, int out, int err) {
  int dir = options_.dir.get();
  int pod_pid = (container.flags & state::kJoinPodPid) != 0
                    ? options_.pod_pid_namespace.get()
                    : -1;
  int user = options_.pod_user_namespace.get();
  CloseAllBut({report, start, in, out, err, dir, pod_pid, user});
  state::ContainerPlan plan = ReadPlan(dir, container.record.id, report);
  if (!plan.runtime.empty()) {
    external::SetupRequest request;
    request.plan = std::move(plan);
    request.pod_dir = PodDir(dir);
    request.pod = PodNamespaces(getppid());
    request.stdin_fd = in;
    request.stdout_fd = out;
    request.stderr_fd = err;
    request.report_fd = report;
    request.start_fd = start;
    external::RunSetup(request);
  }
  launch::SetupRequest request;
  request.seccomp_cache_dir = SeccompCache(dir);
  close(dir);
  request.id = plan.id;
  request.config_json = std::move(plan.config_json);
  request.bundle_dir = std::move(plan.bundle_dir);
  request.lower_dirs = std::move(plan.lower_dirs);
  request.upper_dir = std::move(plan.upper_dir);
  request.work_dir = std::move(plan.work_dir);
  request.rootfs_dir = std::move(plan.rootfs_dir);
  request.stdin_fd = in;
  request.stdout_fd = out;
  request.stderr_fd = err;
  request.report_fd = report;
  request.start_fd = start;
  request.pid_namespace_fd = pod_pid;
  request.user_namespace_fd = user;
  launch::RunSetup(request);
}

void Holder::ExecChild(const HeldContainer& container, const ExecFds& fds,
                       int report) {
  int dir = options_.dir.get();
  CloseAllBut({fds.process, fds.in, fds.out, fds.err, report, dir});
  state::ContainerPlan plan = ReadPlan(dir, container.record.id, report);
  std::string process = ReadProcess(fds.process);
  close(fds.process);
  if (!plan.runtime.empty()) {
    external::ExecRequest request;
    request.plan = std::move(plan);
    request.pod_dir = PodDir(dir);
    request.process_json = std::move(process);
    request.stdin_fd = fds.in;
    request.stdout_fd = fds.out;
    request.stderr_fd = fds.err;
    request.report_fd = report;
    external::RunExec(request);
  }
  launch::ExecRequest request;
  request.seccomp_cache_dir = SeccompCache(dir);
  close(dir);
  request.init_pid = container.record.pid;
  request.config_json = std::move(plan.config_json);
  request.process_json = std::move(process);
  request.stdin_fd = fds.in;
  request.stdout_fd = fds.out;
  request.stderr_fd = fds.err;
  request.report_fd = report;
  launch::RunExec(request);
}

int ReceiveReport(int fd, launch::Report* report, UniqueFd* passed) {
  const ssize_t size =
      ReceiveWithFd(fd, report, sizeof *report, passed, MSG_DONTWAIT);
  if (size < 0) return errno;
  if (size == 0) return ENODATA;
  if (static_cast<size_t>(size) != sizeof *report) return EBADMSG;
  report->text[sizeof report->text - 1] = '\0';
  report->phase_count =
      std::min(report->phase_count, launch::Report::kMaxPhases);
  for (launch::Report::Phase& phase : report->phases) {
    phase.name[sizeof phase.name - 1] = '\0';
  }
  return 0;
}

pid_t ForkChild() {
  pid_t pid = fork();
  if (pid == 0) ResetChild();
  return pid;
}

}  // namespace runtime::hold
