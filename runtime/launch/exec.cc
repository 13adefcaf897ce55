// SPDX-License-Identifier: Apache-2.0
// A further process in a running container. The transient set-up process enters
// the container's namespaces itself, and what it then clones is born there and
// cannot be inspected until it execs (CVE-2016-9962).
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/launch/clone.h"
#include "runtime/launch/container.h"
#include "runtime/launch/identity.h"
#include "runtime/launch/init.h"
#include "runtime/launch/report.h"
#include "runtime/mount/devices.h"
#include "runtime/ns/user.h"
#include "runtime/path/proc.h"

namespace runtime::launch {
namespace {

class ExecSetup {
 public:
  explicit ExecSetup(const ExecRequest& request)
      : request_(request), reporter_(request.report_fd) {}

  absl::Status Run();
  Reporter& reporter() { return reporter_; }

 private:
  absl::Status Parse();
  absl::Status OpenCgroups();
  void GivePipes();
  absl::Status EnterNamespaces();
  absl::Status Clone();
  [[noreturn]] void RunChild(int socket);
  absl::Status PrepareChild(int socket, UniqueFd* master);

  const ExecRequest& request_;
  Reporter reporter_;
  spec::Config config_;
  Identity identity_;
  std::optional<path::Proc> proc_;  // the host's
  bool in_user_namespace_ = false;
  UniqueFd unified_fd_;
  UniqueFd inner_fd_;  // the cgroup that the container's init is in
  std::vector<UniqueFd> doors_;
};

absl::Status ExecSetup::Parse() {
  ASSIGN_OR_RETURN(config_, spec::Parse(request_.config_json));
  ASSIGN_OR_RETURN(spec::Process process,
                   spec::ParseProcess(request_.process_json, config_.process));
  ASSIGN_OR_RETURN(
      identity_, PrepareIdentity(process, config_, request_.seccomp_cache_dir));
  return absl::OkStatus();
}

absl::Status ExecSetup::OpenCgroups() {
  if (request_.cgroups_path.empty() &&
      config_.linux_section.cgroups_path.empty()) {
    return absl::InvalidArgumentError("the container has no cgroup path");
  }
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(request_.cgroups_path.empty()
                                          ? config_.linux_section.cgroups_path
                                          : request_.cgroups_path));
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

absl::Status ExecSetup::EnterNamespaces() {
  UniqueFd pidfd(
      static_cast<int>(syscall(SYS_pidfd_open, request_.init_pid, 0)));
  if (!pidfd.ok()) return ErrnoStatus("container process");
  // The pid was looked up by number: make sure that what the descriptor holds
  // still is alive, so that the number was not used again.
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) != 0) {
    return ErrnoStatus("container process");
  }
  ASSIGN_OR_RETURN(std::string ours, proc_->ReadLink("self/ns/user"));
  ASSIGN_OR_RETURN(std::string theirs, proc_->ReadLink(absl::StrCat(
                                           request_.init_pid, "/ns/user")));
  int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
            CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (ours != theirs) {
    GivePipes();
    // The kernel joins it first, and the others with what it then allows.
    all |= CLONE_NEWUSER;
    in_user_namespace_ = true;
  }
  if (setns(pidfd.get(), all) != 0) {
    return ErrnoStatus("enter the container's namespaces");
  }
  return absl::OkStatus();
}

absl::Status ExecSetup::PrepareChild(int socket, UniqueFd* master) {
  RETURN_IF_ERROR(cgroup::Enter(doors_));
  if (in_user_namespace_) RETURN_IF_ERROR(ns::BecomeRoot());
  ResetSignals();
  if (setsid() < 0) return ErrnoStatus("setsid");
  // What the command starts and orphans stays below it while it lives, so that
  // a keeper that ends the command's tree finds all of it.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  RETURN_IF_ERROR(JoinKeyring(identity_, *proc_));
  if (identity_.process.terminal) {
    ASSIGN_OR_RETURN(path::Root root, path::Root::Open("/"));
    ASSIGN_OR_RETURN(mount::Terminal terminal, mount::OpenTerminal(root));
    RETURN_IF_ERROR(SetTerminal(terminal.slave.get(), identity_.process));
    *master = std::move(terminal.master);
  } else {
    RETURN_IF_ERROR(
        SetStdio(request_.stdin_fd, request_.stdout_fd, request_.stderr_fd));
  }
  AddHome(&identity_);
  RETURN_IF_ERROR(
      lsm::SetForExec(identity_.labels, lsm::ProcAttributes(&*proc_)));
  if (!SendByte(socket, kReady, master->get())) return ErrnoStatus("set-up");
  master->reset();
  // Until the keeper has been told the pid.
  if (ReceiveByte(socket) != kTold) {
    return absl::CancelledError("set-up ended early");
  }
  int report = request_.report_fd;
  if (report != 3 && dup3(report, 3, O_CLOEXEC) < 0) return ErrnoStatus("dup");
  reporter_.set_fd(3);
  if (syscall(SYS_close_range, 4, ~0u, 0) != 0) {
    return ErrnoStatus("close_range");
  }
  if (fcntl(3, F_SETFD, FD_CLOEXEC) != 0) return ErrnoStatus("cloexec");
  RETURN_IF_ERROR(SetRlimits(identity_.process.rlimits));
  return Become(identity_);
}

void ExecSetup::RunChild(int socket) {
  UniqueFd master;
  if (absl::Status status = PrepareChild(socket, &master); !status.ok()) {
    reporter_.Failed(status);
    SendByte(socket, kFault);
    _exit(127);
  }
  std::string path;
  int error = Exec(identity_, &path);
  reporter_.Failed(error, ExecError(path, error));
  _exit(error == ENOENT ? 127 : 126);
}

absl::Status ExecSetup::Clone() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoStatus("socketpair");
  }
  UniqueFd socket(sockets[0]), other(sockets[1]);
  pid_t pid = CloneProcess(CLONE_PARENT, unified_fd_.get());
  if (pid < 0 && errno == EBUSY && inner_fd_.ok()) {
    pid = CloneProcess(CLONE_PARENT, inner_fd_.get());
  }
  if (pid < 0) return ErrnoStatus("clone");
  if (pid == 0) {
    socket.reset();
    RunChild(other.release());
  }
  other.reset();
  int terminal = -1;
  int byte = ReceiveByte(socket.get(), &terminal);
  UniqueFd master(terminal);
  if (byte == kFault) _exit(1);  // the child has told why
  if (byte != kReady) {
    return absl::AbortedError("the process was killed during set-up");
  }
  reporter_.Created(pid, master.get());
  SendByte(socket.get(), kTold);
  return absl::OkStatus();
}

absl::Status ExecSetup::Run() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  RaiseFileLimit();
  RETURN_IF_ERROR(Parse());
  reporter_.Phase("plan");
  ASSIGN_OR_RETURN(proc_, path::Proc::Open());
  RETURN_IF_ERROR(SetOomScore(*proc_, identity_.process.oom_score_adj));
  RETURN_IF_ERROR(OpenCgroups());
  RETURN_IF_ERROR(EnterNamespaces());
  reporter_.Phase("namespaces");
  return Clone();
}

}  // namespace

void RunExec(const ExecRequest& request) {
  ExecSetup setup(request);
  absl::Status status = setup.Run();
  if (status.ok()) _exit(0);
  setup.reporter().Failed(status);
  _exit(1);
}

}  // namespace runtime::launch
