// SPDX-License-Identifier: Apache-2.0
// The transient process that makes a container: plan, cgroups, clone, join.
// It lives until init is ready, then exits and takes its memory along.
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/clone.h"
#include "runtime/launch/container.h"
#include "runtime/launch/init.h"
#include "runtime/launch/plan.h"
#include "runtime/launch/report.h"
#include "runtime/launch/userns.h"

namespace runtime::launch {

absl::Status SetOomScore(const path::Proc& proc, std::optional<int> score) {
  if (!score.has_value()) return absl::OkStatus();
  absl::Status status = proc.Write("self/oom_score_adj", absl::StrCat(*score));
  // Going below one's own value takes CAP_SYS_RESOURCE; without it the value
  // stays as low as it may be.
  if (absl::IsPermissionDenied(status)) return absl::OkStatus();
  return status;
}

// A mount needs a descriptor while it is on its way; the container's own limit
// is set later from its config.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
}

pid_t CloneProcess(uint64_t flags, int cgroup_fd) {
  struct clone_args args = {};
  args.flags = flags;
  // With CLONE_PARENT the child inherits the caller's exit signal.
  if ((flags & CLONE_PARENT) == 0) args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
}

namespace {

absl::Status JoinNamespaces(const Plan& plan) {
  for (const auto& [fd, type] : plan.join) {
    if (setns(fd.get(), type) != 0) return ErrnoStatus("join namespace");
  }
  int pid_namespace = plan.request->pid_namespace_fd;
  if (pid_namespace >= 0 && setns(pid_namespace, CLONE_NEWPID) != 0) {
    return ErrnoStatus("join the pod's PID namespace");
  }
  return absl::OkStatus();
}

class Setup {
 public:
  explicit Setup(const SetupRequest& request)
      : request_(request), reporter_(request.report_fd) {}

  absl::Status Run();
  // Removes what a failed Run made.
  void Undo();
  Reporter& reporter() { return reporter_; }
  bool reported() const { return reported_; }

 private:
  absl::Status CloneInit();
  absl::Status AwaitInit();
  absl::Status PrepareRoot();
  absl::Status Hook();
  absl::Status LimitCpuTime();

  const SetupRequest& request_;
  Reporter reporter_;
  Plan plan_;
  HookRunner hooks_;
  UniqueFd socket_;
  pid_t pid_ = 0;
  bool made_cgroup_ = false;
  bool reported_ = false;  // init told the keeper what went wrong
};

absl::Status Setup::CloneInit() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoStatus("socketpair");
  }
  socket_.reset(sockets[0]);
  UniqueFd other(sockets[1]);
  UniqueFd unified = plan_.cgroup->OpenUnified();
  ASSIGN_OR_RETURN(plan_.cgroup_doors, plan_.cgroup->OpenDoors(unified.ok()));
  uint64_t flags = plan_.clone_flags | CLONE_PARENT;
  pid_ = CloneProcess(flags, unified.get());
  if (pid_ < 0 && unified.ok()) {
    // Before Linux 5.7, or a v2 cgroup that takes no process that way.
    ASSIGN_OR_RETURN(plan_.cgroup_doors, plan_.cgroup->OpenDoors(false));
    pid_ = CloneProcess(flags, -1);
  }
  if (pid_ == 0) {
    socket_.reset();
    RunInit(&plan_, other.release());
  }
  if (pid_ < 0) {
    pid_ = 0;
    return ErrnoStatus("clone");
  }
  return absl::OkStatus();
}

absl::Status Setup::Hook() {
  RETURN_IF_ERROR(hooks_.Run(pid_));
  if (!SendByte(socket_.get(), kHooked)) return ErrnoStatus("init");
  return absl::OkStatus();
}

absl::Status Setup::LimitCpuTime() {
  const spec::Resources& all = plan_.config.linux_section.resources;
  spec::Resources resources;
  resources.cpu_quota = all.cpu_quota;
  resources.cpu_period = all.cpu_period;
  resources.cpu_burst = all.cpu_burst;
  return plan_.cgroup->Limit(resources, {});
}

absl::Status Setup::AwaitInit() {
  while (true) {
    int terminal = -1;
    switch (ReceiveByte(socket_.get(), &terminal)) {
      case kBuilt:
        RETURN_IF_ERROR(Hook());
        break;
      case kReady: {
        UniqueFd owned(terminal);
        RETURN_IF_ERROR(LimitCpuTime());
        reporter_.Created(pid_, owned.get());
        return absl::OkStatus();
      }
      case kFault:
        reported_ = true;
        return absl::AbortedError("init failed");
      default:
        return absl::AbortedError(
            "the container's init was killed during set-up");
    }
  }
}

absl::Status Setup::PrepareRoot() {
  RETURN_IF_ERROR(PlanUserNamespace(&plan_));
  RETURN_IF_ERROR(hooks_.Start(plan_));
  plan_.builder = std::make_unique<mount::RootBuilder>(&plan_.root);
  return plan_.builder->Prepare();
}

absl::Status Setup::Run() {
  // Nothing of ours may be inspected by what shares the PID namespace.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  RaiseFileLimit();
  RETURN_IF_ERROR(MakePlan(request_, &plan_));
  reporter_.Phase("plan");
  RETURN_IF_ERROR(SetOomScore(*plan_.proc, plan_.config.process.oom_score_adj));
  made_cgroup_ = true;
  RETURN_IF_ERROR(plan_.cgroup->Create());
  // All but the CPU quota: set-up work must not be throttled by a small one.
  spec::Resources resources = plan_.config.linux_section.resources;
  resources.cpu_quota.reset();
  resources.cpu_period.reset();
  resources.cpu_burst.reset();
  RETURN_IF_ERROR(
      plan_.cgroup->Limit(resources, plan_.config.linux_section.devices));
  reporter_.Phase("limits");
  RETURN_IF_ERROR(JoinNamespaces(plan_));
  RETURN_IF_ERROR(PrepareRoot());
  reporter_.Phase("root");
  // The cgroup was decided and made before, by the host's rules: a container
  // in a user namespace has no say in it (CVE-2025-47291).
  RETURN_IF_ERROR(EnterUserNamespace(plan_));
  RETURN_IF_ERROR(CloneInit());
  reporter_.Phase("clone");
  return AwaitInit();
}

void Setup::Undo() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  // Ends init's reads. Whoever keeps the container reaps it and removes the
  // cgroups; without an init there is nothing to wait for.
  socket_.reset();
  if (pid_ == 0 && made_cgroup_) cgroup::Remove(plan_.cgroup->path());
}

}  // namespace

void RunSetup(const SetupRequest& request) {
  Setup setup(request);
  absl::Status status = setup.Run();
  if (status.ok()) _exit(0);
  if (!setup.reported()) setup.reporter().Failed(status);
  setup.Undo();
  _exit(1);
}

int RemoveCgroups(const std::string& cgroups_path) {
  return cgroup::Remove(cgroups_path);
}

int KillCgroup(const std::string& cgroups_path, int signal) {
  return cgroup::Kill(cgroups_path, signal);
}

int64_t OomKills(const std::string& cgroups_path) {
  return cgroup::OomKills(cgroups_path);
}

}  // namespace runtime::launch
