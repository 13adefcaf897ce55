// SPDX-License-Identifier: Apache-2.0
// A further process in a running container. The transient set-up process enters
// the container's namespaces itself, and what it then clones is born there and
// cannot be inspected until it execs (CVE-2016-9962). The set-up may share its
// parent's memory; so it ends with the clone, and what could wait for a
// filesystem of the container's is the new process's own affair.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn_child.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/launch/child.h"
#include "runtime/launch/container.h"
#include "runtime/launch/identity.h"
#include "runtime/launch/init_child.h"
#include "runtime/launch/report.h"
#include "runtime/mount/devices.h"
#include "runtime/ns/user.h"
#include "runtime/path/proc.h"

namespace runtime::launch {
namespace {

class ExecSetup {
 public:
  explicit ExecSetup(const ExecRequest& request)
      : request_(request),
        config_(*request.config),
        reporter_(request.report_fd) {}

  // Reports what goes wrong.
  void Run();

 private:
  absl::Status Prepare();
  absl::Status Parse();
  absl::Status OpenCgroups();
  void GivePipes();
  // A namespace of that kind that is not this process's.
  absl::StatusOr<bool> HasItsOwn(const char* kind) const;
  absl::Status EnterNamespaces();
  // 0 in the new process.
  pid_t CloneIntoCgroup();
  absl::Status Clone();
  // In the new process.
  [[noreturn]] void GoOn();
  absl::Status SettleIn();
  absl::Status TakeTerminal();

  const ExecRequest& request_;
  const spec::Config& config_;
  Reporter reporter_;
  Identity identity_;
  std::optional<path::Proc> proc_;  // the host's
  // Left to the new process: where cgroup2 is mounted with nsdelegate, nobody
  // may clone into a cgroup from outside of what his namespace shows.
  UniqueFd cgroup_namespace_;
  UniqueFd unified_fd_;
  UniqueFd inner_fd_;  // the cgroup that the container's init is in
  std::vector<UniqueFd> doors_;
  ExecOrders orders_;
  std::string home_;
  mount::Terminal terminal_;
};

absl::Status ExecSetup::Parse() {
  ASSIGN_OR_RETURN(spec::Process process,
                   spec::ParseProcess(request_.process_json, config_.process));
  ASSIGN_OR_RETURN(
      identity_, PrepareIdentity(process, config_, request_.seccomp_cache_dir));
  orders_.identity = OrdersFor(&identity_);
  orders_.identity.in = request_.stdin_fd;
  orders_.identity.out = request_.stdout_fd;
  orders_.identity.err = request_.stderr_fd;
  orders_.report_fd = request_.report_fd;
  return absl::OkStatus();
}

absl::Status ExecSetup::OpenCgroups() {
  if (request_.cgroups_path.empty() &&
      config_.linux_section.cgroups_path.empty()) {
    return absl::InvalidArgumentError("the container has no cgroup path");
  }
  ASSIGN_OR_RETURN(const cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(request_.cgroups_path.empty()
                                          ? config_.linux_section.cgroups_path
                                          : request_.cgroups_path,
                                      *request_.layout));
  if (cgroup.IsFrozen()) {
    return absl::FailedPreconditionError("the container is paused");
  }
  // Opened while the host's files can still be seen. The new process enters by
  // itself; on v2 it is cloned into the cgroup.
  unified_fd_ = cgroup.OpenUnified();
  if (unified_fd_.ok()) {
    ASSIGN_OR_RETURN(std::string membership,
                     proc_->Read(absl::StrCat(request_.init_pid, "/cgroup")));
    inner_fd_ = cgroup.OpenUnifiedOf(membership);
  }
  ASSIGN_OR_RETURN(doors_, cgroup.OpenDoors(unified_fd_.ok()));
  return absl::OkStatus();
}

// To whom the user of the command is on the host; see userns.cc.
void ExecSetup::GivePipes() {
  std::optional<uint32_t> uid = ns::ToHost(config_.linux_section.uid_mappings,
                                           identity_.process.user.uid);
  if (!uid.has_value()) return;
  for (int fd : {request_.stdin_fd, request_.stdout_fd, request_.stderr_fd}) {
    if (fd >= 0) GiveStream(fd, *uid);
  }
}

absl::StatusOr<bool> ExecSetup::HasItsOwn(const char* kind) const {
  ASSIGN_OR_RETURN(std::string ours,
                   proc_->ReadLink(absl::StrCat("self/ns/", kind)));
  ASSIGN_OR_RETURN(std::string theirs, proc_->ReadLink(absl::StrCat(
                                           request_.init_pid, "/ns/", kind)));
  return ours != theirs;
}

absl::Status ExecSetup::EnterNamespaces() {
  UniqueFd pidfd(
      static_cast<int>(syscall(SYS_pidfd_open, request_.init_pid, 0)));
  if (!pidfd.ok()) return ErrnoStatus("container process");
  ASSIGN_OR_RETURN(const bool own_user, HasItsOwn("user"));
  ASSIGN_OR_RETURN(const bool own_cgroup, HasItsOwn("cgroup"));
  if (own_cgroup) {
    ASSIGN_OR_RETURN(
        cgroup_namespace_,
        OpenFile(absl::StrCat("/proc/", request_.init_pid, "/ns/cgroup"),
                 O_RDONLY));
  }
  // The pid was looked up by number: make sure that what the descriptor holds
  // still is alive, so that the number was not used again.
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) != 0) {
    return ErrnoStatus("container process");
  }
  int all =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (own_user) {
    GivePipes();
    // The kernel joins it first, and the others with what it then allows.
    all |= CLONE_NEWUSER;
    orders_.identity.user_namespace = true;
  }
  // Inherited over the clone; in force from the exec on.
  RETURN_IF_ERROR(
      lsm::SetForInit(identity_.labels, lsm::ProcAttributes(&*proc_)));
  if (setns(pidfd.get(), all) != 0) {
    return ErrnoStatus("enter the container's namespaces");
  }
  return absl::OkStatus();
}

// In the v2 cgroup, or beside the container's init in one of its own making.
pid_t ExecSetup::CloneIntoCgroup() {
  pid_t pid = CloneSibling(unified_fd_.get());
  if (pid < 0 && errno == EBUSY && inner_fd_.ok()) {
    pid = CloneSibling(inner_fd_.get());
  }
  return pid;
}

absl::Status ExecSetup::Clone() {
  std::vector<int> doors;
  for (const UniqueFd& door : doors_) doors.push_back(door.get());
  orders_.identity.cgroup_doors = doors.data();
  orders_.identity.cgroup_door_count = doors.size();
  const pid_t pid = CloneIntoCgroup();
  if (pid == 0) GoOn();
  if (pid < 0) return ErrnoStatus("clone");
  if (!orders_.identity.terminal) reporter_.Created(pid, -1);
  return absl::OkStatus();
}

// The keeper hears of the process and its terminal at once. By the host's
// procfs it learns which number it has there.
absl::Status ExecSetup::TakeTerminal() {
  ASSIGN_OR_RETURN(path::Root root, path::Root::Open("/"));
  ASSIGN_OR_RETURN(terminal_, mount::OpenTerminal(root));
  ASSIGN_OR_RETURN(std::string self, proc_->ReadLink("self"));
  pid_t pid = 0;
  if (!absl::SimpleAtoi(self, &pid)) {
    return absl::InternalError(absl::StrCat("/proc/self: ", self));
  }
  reporter_.Created(pid, terminal_.master.get());
  orders_.slave_fd = terminal_.slave.get();
  return absl::OkStatus();
}

absl::Status ExecSetup::SettleIn() {
  if (cgroup_namespace_.ok() &&
      setns(cgroup_namespace_.get(), CLONE_NEWCGROUP) != 0) {
    return ErrnoStatus("enter the container's cgroup namespace");
  }
  home_ = HomeFor(orders_.identity, *proc_);
  if (!home_.empty()) *orders_.identity.home = home_.data();
  if (!orders_.identity.terminal) return absl::OkStatus();
  return TakeTerminal();
}

void ExecSetup::GoOn() {
  raw::Failure failure;
  if (!Begin(orders_.identity, &failure)) {
    reporter_.Failed(failure);
    _exit(127);
  }
  if (absl::Status status = SettleIn(); !status.ok()) {
    ReportFailure(status, &reporter_);
    _exit(127);
  }
  RunExecChild(&orders_);
}

void ExecSetup::Run() {
  absl::Status status = Prepare();
  if (status.ok()) status = Clone();
  if (!status.ok()) ReportFailure(status, &reporter_);
}

absl::Status ExecSetup::Prepare() {
  raw::ResetSignals();
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  RaiseFileLimit();
  RETURN_IF_ERROR(Parse());
  ASSIGN_OR_RETURN(proc_, path::Proc::Open());
  RETURN_IF_ERROR(SetOomScore(*proc_, identity_.process.oom_score_adj));
  RETURN_IF_ERROR(OpenCgroups());
  return EnterNamespaces();
}

}  // namespace

void StartExec(const ExecRequest& request) { ExecSetup(request).Run(); }

}  // namespace runtime::launch
