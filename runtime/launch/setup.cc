// SPDX-License-Identifier: Apache-2.0
// The transient process that makes a container: plan, cgroups, namespaces,
// init, root. It lives until init is ready, then exits and takes its memory
// along.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn_child.h"
#include "runtime/base/status.h"
#include "runtime/launch/child.h"
#include "runtime/launch/container.h"
#include "runtime/launch/hooks.h"
#include "runtime/launch/host.h"
#include "runtime/launch/host_side.h"
#include "runtime/launch/plan.h"
#include "runtime/launch/report.h"
#include "runtime/launch/start.h"
#include "runtime/launch/userns.h"
#include "runtime/mount/devices.h"

namespace runtime::launch {
namespace {

// The rest is made here and shared by init, which is cloned into it.
absl::Status EnterNamespaces(const Plan& plan) {
  for (const auto& [fd, type] : plan.join) {
    if (setns(fd.get(), type) != 0) return ErrnoStatus("join namespace");
  }
  int pid_namespace = plan.request->pid_namespace_fd;
  if (pid_namespace >= 0 && setns(pid_namespace, CLONE_NEWPID) != 0) {
    return ErrnoStatus("join the pod's PID namespace");
  }
  return absl::OkStatus();
}

// The number that `pid` has in its own PID namespace.
absl::StatusOr<pid_t> InnerPid(const path::Proc& proc, pid_t pid) {
  ASSIGN_OR_RETURN(std::string text, proc.Read(absl::StrCat(pid, "/status")));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    pid_t inner = 0;
    if (absl::ConsumePrefix(&line, "NSpid:") &&
        absl::SimpleAtoi(line.substr(line.find_last_of(" \t") + 1), &inner)) {
      return inner;
    }
  }
  return absl::NotFoundError("init has no NSpid");
}

class Setup {
 public:
  explicit Setup(const SetupRequest& request)
      : request_(request), reporter_(request.report_fd) {}

  absl::Status Run();
  // Tells the keeper, and removes what a failed Run made.
  void Fail(const absl::Status& status);

 private:
  absl::Status MakeCgroup();
  absl::Status OpenCgroup();
  absl::Status OpenDoorsForOthers();
  bool StartsEmpty() const;
  absl::Status MakeNamespaces();
  absl::Status CloneInit();
  absl::Status AwaitBegun();
  absl::Status BecomeContainersRoot();
  absl::Status BuildRoot();
  absl::Status RunHooksOfRoot();
  absl::Status HandOver();

  const SetupRequest& request_;
  Reporter reporter_;
  Plan plan_;
  mount::RootBuilder builder_{&plan_.root};
  std::vector<mount::RootBuilder::Proc> procs_;
  HostSide host_side_;
  Start start_;
  Child init_;
  pid_t inner_pid_ = 0;
  UniqueFd unified_;  // the v2 cgroup, if there is one
  std::vector<UniqueFd> all_doors_;
  std::vector<int> hook_doors_;
  UniqueFd host_mounts_;  // once they are left
  UniqueFd pty_, pty_slave_;
  bool made_cgroup_ = false;
};

absl::Status Setup::MakeCgroup() {
  made_cgroup_ = true;
  RETURN_IF_ERROR(plan_.cgroup->Create());
  // All but the CPU quota: init's first steps must not be throttled by a small
  // one.
  spec::Resources resources = plan_.config.linux_section.resources;
  resources.cpu_quota.reset();
  resources.cpu_period.reset();
  resources.cpu_burst.reset();
  return plan_.cgroup->Limit(resources, plan_.config.linux_section.devices);
}

// While the host's files can be seen.
absl::Status Setup::OpenCgroup() {
  unified_ = plan_.cgroup->OpenUnified();
  ASSIGN_OR_RETURN(std::vector<UniqueFd> doors,
                   plan_.cgroup->OpenDoors(unified_.ok()));
  start_.SetDoors(std::move(doors));
  return OpenDoorsForOthers();
}

// For what else is done on the container's account, and for an init that cannot
// be cloned into the v2 cgroup.
absl::Status Setup::OpenDoorsForOthers() {
  const bool others =
      !plan_.config.hooks.create_container.empty() || builder_.CopiesUp();
  if (!others && !unified_.ok()) return absl::OkStatus();
  absl::StatusOr<std::vector<UniqueFd>> all = plan_.cgroup->OpenDoors(false);
  if (!others && !all.ok()) return absl::OkStatus();
  RETURN_IF_ERROR(all.status());
  all_doors_ = *std::move(all);
  if (!others) return absl::OkStatus();
  for (const UniqueFd& door : all_doors_) hook_doors_.push_back(door.get());
  builder_.SetCgroupDoors(hook_doors_);
  return absl::OkStatus();
}

// Hooks are the host's files, or look for those in init's mount namespace; a
// user namespace may make a procfs or sysfs only where it sees one; and of the
// devices that are asked for nobody knows before whether they can be made, or
// have to be bound from the host's (a device policy over the daemon).
bool Setup::StartsEmpty() const {
  const spec::Hooks& hooks = plan_.config.hooks;
  return request_.empty_root_fd >= 0 &&
         (plan_.new_namespaces & CLONE_NEWNS) != 0 &&
         plan_.config.linux_section.devices.empty() &&
         !plan_.user_namespace.ok() && !builder_.NeedsHost() &&
         !HasRuntimeHooks(hooks) && hooks.create_container.empty();
}

absl::Status Setup::MakeNamespaces() {
  // Labels are inherited over the clone and hold from init's exec on.
  const lsm::ProcAttributes attributes(plan_.proc.get());
  RETURN_IF_ERROR(lsm::SetForInit(plan_.identity.labels, attributes));
  // The cgroup was decided and made before, by the host's rules: a container
  // in a user namespace has no say in it (CVE-2025-47291).
  RETURN_IF_ERROR(EnterUserNamespace(plan_));
  if (StartsEmpty()) {
    ASSIGN_OR_RETURN(host_mounts_, OpenFile("/proc/self/ns/mnt", O_RDONLY));
    if (setns(request_.empty_root_fd, CLONE_NEWNS) != 0) {
      return ErrnoStatus("enter the empty root");
    }
  }
  if (unshare(plan_.new_namespaces) != 0) {
    return ErrnoStatus("make the container's namespaces");
  }
  return absl::OkStatus();
}

absl::Status Setup::CloneInit() {
  RETURN_IF_ERROR(init_.Prepare());
  InitOrders& orders = start_.orders();
  orders.socket = init_.far_end();
  orders.other_end = init_.near_end();
  pid_t pid = CloneSibling(unified_.get());
  int error = errno;
  if (pid < 0 && unified_.ok()) {
    // Before Linux 5.7, or a v2 cgroup that takes no process that way. A clone
    // that failed late has spoilt the PID namespace, so its error counts.
    start_.SetDoors(std::move(all_doors_));
    pid = CloneSibling(-1);
  }
  if (pid == 0) RunInit(&orders);
  if (pid < 0) return ErrnoStatus(error, "clone");
  init_.Cloned(pid);
  return absl::OkStatus();
}

absl::Status Setup::AwaitBegun() {
  for (const mount::RootBuilder::Proc& proc : procs_) {
    UniqueFd fd;
    ASSIGN_OR_RETURN(char byte, init_.Await(&fd));
    if (byte != kProc) return absl::InternalError("init made no procfs");
    builder_.TakeProc(proc, std::move(fd));
  }
  ASSIGN_OR_RETURN(char byte, init_.Await());
  if (byte != kBegun) return absl::InternalError("init is out of step");
  reporter_.Phase("cgroup");
  if (!HasHooks(plan_.config.hooks)) return absl::OkStatus();
  ASSIGN_OR_RETURN(inner_pid_, InnerPid(*plan_.proc, init_.pid()));
  return start_.SetHookState(HookState(plan_, inner_pid_));
}

// What is made from here on belongs to the user namespace's root.
absl::Status Setup::BecomeContainersRoot() {
  return plan_.user_namespace.ok() ? ns::BecomeRoot() : absl::OkStatus();
}

// Hooks between the mounts and pivot_root.
absl::Status Setup::RunHooksOfRoot() {
  const spec::Hooks& hooks = plan_.config.hooks;
  if (HasRuntimeHooks(hooks)) {
    RETURN_IF_ERROR(host_side_.RunHooks(init_.pid()));
  }
  if (hooks.create_container.empty()) return absl::OkStatus();
  // The label is the workload's.
  const lsm::ProcAttributes attributes(plan_.proc.get());
  RETURN_IF_ERROR(lsm::Unset(plan_.identity.labels, attributes));
  return RunHooks(hooks.create_container, "createContainer",
                  HookState(plan_, inner_pid_), hook_doors_);
}

absl::Status Setup::BuildRoot() {
  umask(0);
  bool terminal = plan_.config.process.terminal;
  RETURN_IF_ERROR(builder_.Build(terminal ? &pty_ : nullptr, &pty_slave_));
  reporter_.Phase("mounts");
  RETURN_IF_ERROR(RunHooksOfRoot());
  return builder_.Pivot();
}

absl::Status Setup::HandOver() {
  const IdentityOrders& identity = start_.orders().identity;
  if (request_.verify_command) RETURN_IF_ERROR(CheckCommand(identity));
  RETURN_IF_ERROR(init_.GoOn(HomeFor(identity, *plan_.proc), pty_slave_.get()));
  ASSIGN_OR_RETURN(char byte, init_.Await());
  if (byte != kReady) return absl::InternalError("init is out of step");
  RETURN_IF_ERROR(host_side_.LimitCpuTime());
  reporter_.Created(init_.pid(), pty_.get());
  // If it has died meanwhile, its exit code says so.
  init_.Tell(kTold).IgnoreError();
  return absl::OkStatus();
}

absl::Status Setup::Run() {
  // A hook's end must be seen, whatever the caller ignores.
  raw::ResetSignals();
  // Nothing of ours may be inspected by what shares the PID namespace.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  RaiseFileLimit();
  RETURN_IF_ERROR(MakePlan(request_, &plan_));
  reporter_.Phase("plan");
  RETURN_IF_ERROR(SetOomScore(*plan_.proc, plan_.config.process.oom_score_adj));
  RETURN_IF_ERROR(MakeCgroup());
  reporter_.Phase("limits");
  RETURN_IF_ERROR(EnterNamespaces(plan_));
  RETURN_IF_ERROR(PlanUserNamespace(&plan_));
  RETURN_IF_ERROR(host_side_.Start(plan_));
  RETURN_IF_ERROR(builder_.Prepare());
  procs_ = builder_.Procs();
  RETURN_IF_ERROR(start_.Prepare(&plan_, procs_));
  RETURN_IF_ERROR(OpenCgroup());
  reporter_.Phase("root");
  RETURN_IF_ERROR(MakeNamespaces());
  RETURN_IF_ERROR(CloneInit());
  reporter_.Phase("clone");
  RETURN_IF_ERROR(AwaitBegun());
  RETURN_IF_ERROR(BecomeContainersRoot());
  RETURN_IF_ERROR(SetHost(plan_));
  RETURN_IF_ERROR(BuildRoot());
  return HandOver();
}

void Setup::Fail(const absl::Status& status) {
  if (!init_.reported()) ReportFailure(status, &reporter_);
  if (init_.pid() > 0) kill(init_.pid(), SIGKILL);
  init_.HangUp();
  // Whoever keeps the container reaps init and removes the cgroups; without an
  // init there is nothing to wait for.
  if (init_.pid() != 0 || !made_cgroup_) return;
  if (host_mounts_.ok()) setns(host_mounts_.get(), CLONE_NEWNS);
  cgroup::Remove(plan_.cgroup->path());
}

}  // namespace

void RunSetup(const SetupRequest& request) {
  Setup setup(request);
  absl::Status status = setup.Run();
  if (status.ok()) _exit(0);
  setup.Fail(status);
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
