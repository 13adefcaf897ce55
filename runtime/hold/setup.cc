// SPDX-License-Identifier: Apache-2.0
// What runs between the holder and the set-ups of runtime/launch, and how their
// reports come back. Memory taken in a child ends with it; what an exec of the
// built-in runtime takes is the holder's own.
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/fd_message.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/external/container.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/plan_file.h"
#include "runtime/state/record.h"

namespace runtime::hold {
namespace {

// Each is about 15 descriptors.
constexpr int64_t kMaxTargets = 16;

void TellFailure(int report, const absl::Status& status) {
  const absl::string_view text = status.message();
  launch::Report message{};
  message.kind = launch::Report::kFailed;
  memcpy(message.text, text.data(),
         std::min(text.size(), sizeof message.text - 1));
  send(report, &message, sizeof message, MSG_NOSIGNAL);
}

std::string SeccompCache(int dir) {
  const std::string pod = PodDir(dir);
  return pod.empty() ? "" : absl::StrCat(pod, "/../../seccomp");
}

template <typename R>
void SetStreams(int in, int out, int err, int report, R* request) {
  request->stdin_fd = in;
  request->stdout_fd = out;
  request->stderr_fd = err;
  request->report_fd = report;
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

absl::StatusOr<state::ContainerPlan> ReadPlan(int dir, const std::string& id) {
  std::string path = absl::StrCat("/proc/self/fd/", dir, "/", id, ".plan");
  ASSIGN_OR_RETURN(std::string body,
                   state::ReadRecord(path, state::kContainerPlanKind));
  state::ContainerPlan plan;
  if (!state::Decode(body, &plan)) {
    return absl::DataLossError(
        absl::StrCat("plan of container ", id, ": malformed"));
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
  int empty_root = options_.empty_root.get();
  CloseAllBut({report, start, in, out, err, dir, pod_pid, user, empty_root});
  absl::StatusOr<state::ContainerPlan> read =
      ReadPlan(dir, container.record.id);
  if (!read.ok()) {
    TellFailure(report, read.status());
    _exit(1);
  }
  state::ContainerPlan& plan = *read;
  if (!plan.runtime.empty()) {
    external::SetupRequest request;
    request.plan = std::move(plan);
    request.pod_dir = PodDir(dir);
    request.pod = PodNamespaces(getppid());
    SetStreams(in, out, err, report, &request);
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
  SetStreams(in, out, err, report, &request);
  request.start_fd = start;
  request.pid_namespace_fd = pod_pid;
  request.user_namespace_fd = user;
  request.empty_root_fd = empty_root;
  launch::RunSetup(request);
}

absl::Status Holder::Learn(HeldContainer* container) {
  if (!layout_.has_value()) {
    ASSIGN_OR_RETURN(layout_, cgroup::Detect());
  }
  if (container->target != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const state::ContainerPlan plan,
                   ReadPlan(options_.dir.get(), container->record.id));
  ASSIGN_OR_RETURN(spec::Config config, spec::Parse(plan.config_json));
  const std::string& cgroups_path = config.linux_section.cgroups_path;
  ASSIGN_OR_RETURN(
      launch::ExecTarget target,
      launch::FindExecTarget(container->record.pid, cgroups_path, *layout_));
  container->config = std::make_unique<spec::Config>(std::move(config));
  container->target = std::make_unique<launch::ExecTarget>(std::move(target));
  return absl::OkStatus();
}

absl::Status Holder::StartExec(HeldContainer* container, const ExecFds& fds,
                               int report, HeldExec* exec) {
  if (IsExternal(*container)) {
    const pid_t pid = ForkChild();
    if (pid == 0) ExternalExecChild(*container, fds, report);
    if (pid < 0) return ErrnoStatus("exec: fork");
    exec->setup_pid = pid;
    exec->untold = true;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Learn(container));
  launch::ExecRequest request;
  request.target = container->target.get();
  request.config = container->config.get();
  if (request.config->linux_section.seccomp.has_value()) {
    request.seccomp_cache_dir = SeccompCache(options_.dir.get());
  }
  request.process_json = ReadProcess(fds.process);
  request.oom_score_adj = 0;
  SetStreams(fds.in, fds.out, fds.err, report, &request);
  absl::StatusOr<launch::ExecStarted> started = launch::StartExec(request);
  const auto kept =
      std::count_if(containers_.begin(), containers_.end(),
                    [](const auto& one) { return one->target != nullptr; });
  if (kept > kMaxTargets) container->target.reset();
  RETURN_IF_ERROR(started.status());
  exec->pid = started->pid;
  exec->untold = started->terminal;
  return absl::OkStatus();
}

void Holder::ExternalExecChild(const HeldContainer& container,
                               const ExecFds& fds, int report) {
  int dir = options_.dir.get();
  CloseAllBut({fds.process, fds.in, fds.out, fds.err, report, dir});
  absl::StatusOr<state::ContainerPlan> plan =
      ReadPlan(dir, container.record.id);
  if (!plan.ok()) {
    TellFailure(report, plan.status());
    _exit(1);
  }
  external::ExecRequest request;
  request.plan = *std::move(plan);
  request.pod_dir = PodDir(dir);
  request.process_json = ReadProcess(fds.process);
  close(fds.process);
  SetStreams(fds.in, fds.out, fds.err, report, &request);
  external::RunExec(request);
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
  const pid_t holder = getpid();
  pid_t pid = fork();
  if (pid != 0) return pid;
  ResetChild();
  // A holder that died before that sends no signal.
  if (getppid() != holder) _exit(1);
  return 0;
}

}  // namespace runtime::hold
