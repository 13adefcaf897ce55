// SPDX-License-Identifier: Apache-2.0
// A further process in a running container. The keeper itself finds and parses
// what it takes and clones the new process into the container's namespaces;
// all else is that one's own affair, so that no filesystem of the
// container's holds up the keeper. Until it execs it shows nothing of the host
// in there, and only who may trace the host's processes can trace it
// (CVE-2016-9962).
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>

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
        target_(*request.target),
        config_(*request.config),
        reporter_(request.report_fd) {}

  absl::StatusOr<ExecStarted> Run();

 private:
  absl::Status Parse();
  // 0 in the new process.
  pid_t CloneIntoCgroup();
  pid_t Clone(int cgroup_fd) {
    return CloneInside(target_.process.get(), target_.own, cgroup_fd);
  }

  // In the new process.
  [[noreturn]] void GoOn();
  void LetGo();
  absl::Status Enter();
  absl::Status SettleIn();
  absl::Status TakeTerminal();
  void GivePipes();

  const ExecRequest& request_;
  const ExecTarget& target_;
  const spec::Config& config_;
  Reporter reporter_;
  Identity identity_;
  std::vector<int> doors_;
  ExecOrders orders_;
  std::string home_;
  mount::Terminal terminal_;
};

absl::Status ExecSetup::Parse() {
  ASSIGN_OR_RETURN(spec::Process process,
                   spec::ParseProcess(request_.process_json, config_.process));
  ASSIGN_OR_RETURN(
      identity_, PrepareIdentity(process, config_, request_.seccomp_cache_dir));
  for (const UniqueFd& door : target_.doors) doors_.push_back(door.get());
  orders_.identity = OrdersFor(&identity_);
  orders_.identity.cgroup_doors = doors_.data();
  orders_.identity.cgroup_door_count = doors_.size();
  orders_.identity.user_namespace = target_.user_namespace;
  orders_.identity.in = request_.stdin_fd;
  orders_.identity.out = request_.stdout_fd;
  orders_.identity.err = request_.stderr_fd;
  orders_.report_fd = request_.report_fd;
  return absl::OkStatus();
}

// In the v2 cgroup, or beside the container's init in one of its own making.
pid_t ExecSetup::CloneIntoCgroup() {
  const pid_t pid = Clone(target_.unified.get());
  if (pid >= 0 || errno != EBUSY || !target_.unified.ok()) return pid;
  absl::StatusOr<std::string> membership =
      target_.proc.Read(absl::StrCat(target_.init_pid, "/cgroup"));
  UniqueFd inner;
  if (membership.ok()) inner = target_.cgroup.OpenUnifiedOf(*membership);
  errno = EBUSY;
  return inner.ok() ? Clone(inner.get()) : -1;
}

absl::StatusOr<ExecStarted> ExecSetup::Run() {
  RETURN_IF_ERROR(Parse());
  if (cgroup::Cgroup::IsFrozen(target_.freezer.get())) {
    return absl::FailedPreconditionError("the container is paused");
  }
  const pid_t pid = CloneIntoCgroup();
  if (pid == 0) GoOn();
  if (pid < 0) return ErrnoStatus("clone into the container");
  return ExecStarted{pid, orders_.identity.terminal};
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

// Of all that is the keeper's, before anything else: nobody at the other end of
// it may have to wait for what waits for the container.
void ExecSetup::LetGo() {
  std::vector<int> keep = doors_;
  for (const int fd :
       {request_.stdin_fd, request_.stdout_fd, request_.stderr_fd,
        request_.report_fd, target_.proc.fd(), target_.process.get(),
        target_.cgroup_namespace.get()}) {
    keep.push_back(fd);
  }
  CloseAllBut(std::move(keep));
}

absl::Status ExecSetup::Enter() {
  raw::ResetSignals();
  RaiseFileLimit();
  const std::optional<int> score = identity_.process.oom_score_adj;
  RETURN_IF_ERROR(SetOomScore(
      target_.proc, score.has_value() ? score : request_.oom_score_adj));
  // In force from the exec on.
  RETURN_IF_ERROR(
      lsm::SetForInit(identity_.labels, lsm::ProcAttributes(&target_.proc)));
  if (!target_.user_namespace) return absl::OkStatus();
  GivePipes();
  if (setns(target_.process.get(), CLONE_NEWUSER) != 0) {
    return ErrnoStatus("enter the container's user namespace");
  }
  // Other credentials may have made it dumpable again (fs.suid_dumpable).
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return absl::OkStatus();
}

// The keeper hears of the terminal at once.
absl::Status ExecSetup::TakeTerminal() {
  ASSIGN_OR_RETURN(path::Root root, path::Root::Open("/"));
  ASSIGN_OR_RETURN(terminal_, mount::OpenTerminal(root));
  reporter_.Created(0, terminal_.master.get());
  orders_.slave_fd = terminal_.slave.get();
  return absl::OkStatus();
}

absl::Status ExecSetup::SettleIn() {
  // Not before it is in its cgroups: where cgroup2 is mounted with nsdelegate,
  // nobody may enter one that his namespace does not show.
  if (target_.cgroup_namespace.ok() &&
      setns(target_.cgroup_namespace.get(), CLONE_NEWCGROUP) != 0) {
    return ErrnoStatus("enter the container's cgroup namespace");
  }
  home_ = HomeFor(orders_.identity, target_.proc);
  if (!home_.empty()) *orders_.identity.home = home_.data();
  if (!orders_.identity.terminal) return absl::OkStatus();
  return TakeTerminal();
}

void ExecSetup::GoOn() {
  LetGo();
  absl::Status status = Enter();
  if (status.ok()) {
    raw::Failure failure;
    if (!Begin(orders_.identity, &failure)) {
      reporter_.Failed(failure);
      _exit(127);
    }
    status = SettleIn();
  }
  if (status.ok()) RunExecChild(&orders_);
  ReportFailure(status, &reporter_);
  _exit(127);
}

// Whether the namespace of that kind is not the caller's.
absl::StatusOr<bool> HasItsOwn(const path::Proc& proc, pid_t pid,
                               const char* kind) {
  ASSIGN_OR_RETURN(std::string ours,
                   proc.ReadLink(absl::StrCat("self/ns/", kind)));
  ASSIGN_OR_RETURN(std::string theirs,
                   proc.ReadLink(absl::StrCat(pid, "/ns/", kind)));
  return ours != theirs;
}

absl::Status FindNamespaces(const path::Proc& proc, pid_t pid,
                            ExecTarget* target) {
  ASSIGN_OR_RETURN(target->user_namespace, HasItsOwn(proc, pid, "user"));
  ASSIGN_OR_RETURN(const bool own_cgroup, HasItsOwn(proc, pid, "cgroup"));
  for (const auto& [name, kind] :
       {std::pair("pid", CLONE_NEWPID), std::pair("mnt", CLONE_NEWNS),
        std::pair("net", CLONE_NEWNET), std::pair("ipc", CLONE_NEWIPC),
        std::pair("uts", CLONE_NEWUTS)}) {
    ASSIGN_OR_RETURN(const bool differs, HasItsOwn(proc, pid, name));
    if (!differs) continue;
    ASSIGN_OR_RETURN(UniqueFd own,
                     OpenFile(absl::StrCat("/proc/self/ns/", name), O_RDONLY));
    target->own.emplace_back(std::move(own), kind);
  }
  if (own_cgroup) {
    ASSIGN_OR_RETURN(
        target->cgroup_namespace,
        OpenFile(absl::StrCat("/proc/", pid, "/ns/cgroup"), O_RDONLY));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExecTarget> FindExecTarget(pid_t init_pid,
                                          const std::string& cgroups_path,
                                          const cgroup::Layout& layout) {
  if (cgroups_path.empty()) {
    return absl::InvalidArgumentError("the container has no cgroup path");
  }
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(cgroups_path, layout));
  ASSIGN_OR_RETURN(path::Proc proc, path::Proc::Open());
  ExecTarget target{.init_pid = init_pid,
                    .proc = std::move(proc),
                    .cgroup = std::move(cgroup)};
  target.process.reset(static_cast<int>(syscall(SYS_pidfd_open, init_pid, 0)));
  if (!target.process.ok()) return ErrnoStatus("container process");
  RETURN_IF_ERROR(FindNamespaces(target.proc, init_pid, &target));
  // The pid was looked up by number: make sure that what the descriptor holds
  // still is alive, so that the number was not used again.
  if (syscall(SYS_pidfd_send_signal, target.process.get(), 0, nullptr, 0) !=
      0) {
    return ErrnoStatus("container process");
  }
  target.freezer = target.cgroup.OpenFreezer();
  // On v2 the new process is cloned into the cgroup.
  target.unified = target.cgroup.OpenUnified();
  ASSIGN_OR_RETURN(target.doors, target.cgroup.OpenDoors(target.unified.ok()));
  return target;
}

absl::StatusOr<ExecStarted> StartExec(const ExecRequest& request) {
  return ExecSetup(request).Run();
}

}  // namespace runtime::launch
