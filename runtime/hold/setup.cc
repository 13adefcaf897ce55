// SPDX-License-Identifier: Apache-2.0
// What runs between the holder's fork and the set-up of runtime/launch, and how
// its reports come back. Memory taken in a child ends with it; an exec of the
// built-in runtime has the holder's own (RunSharing).
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
#include "runtime/base/status.h"
#include "runtime/external/container.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/plan_file.h"
#include "runtime/state/record.h"

namespace runtime::hold {
namespace {

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
  CloseAllBut({report, start, in, out, err, dir, pod_pid, user});
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
  launch::RunSetup(request);
}

absl::Status Holder::Learn(HeldContainer* container) {
  if (!layout_.has_value()) {
    ASSIGN_OR_RETURN(layout_, cgroup::Detect());
  }
  if (container->config != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const state::ContainerPlan plan,
                   ReadPlan(options_.dir.get(), container->record.id));
  ASSIGN_OR_RETURN(spec::Config config, spec::Parse(plan.config_json));
  container->config = std::make_unique<spec::Config>(std::move(config));
  return absl::OkStatus();
}

void Holder::ExecChild(HeldContainer* container, const ExecFds& fds,
                       int report) {
  int dir = options_.dir.get();
  CloseAllBut({fds.process, fds.in, fds.out, fds.err, report, dir});
  if (absl::Status status = Learn(container); !status.ok()) {
    return TellFailure(report, status);
  }
  launch::ExecRequest request;
  request.seccomp_cache_dir = SeccompCache(dir);
  close(dir);
  request.init_pid = container->record.pid;
  request.config = container->config.get();
  request.layout = &*layout_;
  request.process_json = ReadProcess(fds.process);
  close(fds.process);
  SetStreams(fds.in, fds.out, fds.err, report, &request);
  launch::StartExec(request);
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

pid_t RunSharing(absl::FunctionRef<void()> work) {
  constexpr size_t kStack = 1 << 20;
  constexpr size_t kGuard = 4096;
  void* stack =
      mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) return -1;
  const auto run = [](void* argument) {
    ResetChild();
    (*static_cast<absl::FunctionRef<void()>*>(argument))();
    return 0;
  };
  const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  pid_t pid = mprotect(stack, kGuard, PROT_NONE);
  if (pid == 0) {
    pid = clone(run, static_cast<char*>(stack) + kStack,
                CLONE_VM | CLONE_VFORK | SIGCHLD, &work);
  }
  const int error = errno;
  // Whether it may be dumped goes with the memory.
  prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
  munmap(stack, kStack);
  errno = error;
  return pid;
}

}  // namespace runtime::hold
