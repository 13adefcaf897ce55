// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/hooks.h"

namespace runtime::launch {
namespace {

// What init works with; one object so that steps read as methods of one life.
class Init {
 public:
  Init(Plan* plan, int socket)
      : plan_(*plan),
        socket_(socket),
        report_fd_(plan->request->report_fd),
        start_fd_(plan->request->start_fd),
        reporter_(report_fd_) {}

  absl::Status Prepare();
  // Blocks; returns with the errno of a failed exec.
  int Start(std::string* path);
  Reporter& reporter() { return reporter_; }

 private:
  absl::Status KeepOnlyNeeded();
  absl::Status SetHost();
  absl::Status BuildRoot();
  absl::Status EnterCgroups();
  absl::Status Expect(char byte, absl::string_view what);

  Plan& plan_;
  int socket_;
  int report_fd_;
  int start_fd_;
  Reporter reporter_;
  UniqueFd pty_, pty_slave_;
};

absl::Status Init::Expect(char byte, absl::string_view what) {
  if (ReceiveByte(socket_) == byte) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("set-up ended before ", what));
}

// Descriptors that whoever forked us had open are none of the container's
// business, and a working directory must not be reachable through one
// (CVE-2024-21626): they are closed, not only marked.
absl::Status Init::KeepOnlyNeeded() {
  int* needed[] = {&socket_, &report_fd_, &start_fd_};
  // First far above everything, then down to 3, 4, 5.
  for (int* fd : needed) {
    if (*fd < 0) continue;
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, 200);
    if (high < 0) return ErrnoStatus("dup");
    *fd = high;
  }
  if (syscall(SYS_close_range, 3, 199, 0) != 0)
    return ErrnoStatus("close_range");
  int next = 3;
  for (int* fd : needed) {
    if (*fd < 0) continue;
    if (dup3(*fd, next, O_CLOEXEC) < 0) return ErrnoStatus("dup");
    *fd = next++;
  }
  if (syscall(SYS_close_range, next, ~0u, 0) != 0) {
    return ErrnoStatus("close_range");
  }
  reporter_.set_fd(report_fd_);
  return absl::OkStatus();
}

absl::Status LoopbackUp() {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (!fd.ok() || ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return ErrnoStatus("set lo up");
  }
  return absl::OkStatus();
}

absl::Status Init::SetHost() {
  const spec::Config& config = plan_.config;
  bool own_name = config.FindNamespace(spec::NamespaceKind::kUts) != nullptr;
  if (own_name && !config.hostname.empty() &&
      sethostname(config.hostname.data(), config.hostname.size()) != 0) {
    return ErrnoStatus(absl::StrCat("sethostname ", config.hostname));
  }
  if (own_name && !config.domainname.empty() &&
      setdomainname(config.domainname.data(), config.domainname.size()) != 0) {
    return ErrnoStatus(absl::StrCat("setdomainname ", config.domainname));
  }
  if ((plan_.clone_flags & CLONE_NEWNET) != 0) RETURN_IF_ERROR(LoopbackUp());
  // Through the host's procfs, whose sysctl files follow the namespaces of
  // whoever writes: the container's own /proc is not trusted.
  for (const auto& [file, value] : plan_.sysctls) {
    RETURN_IF_ERROR(Annotate(plan_.proc->Write(file, value), "sysctl"));
  }
  return absl::OkStatus();
}

absl::Status Init::BuildRoot() {
  umask(0);
  mount::RootBuilder& root = *plan_.builder;
  bool terminal = plan_.config.process.terminal;
  RETURN_IF_ERROR(root.Build(terminal ? &pty_ : nullptr, &pty_slave_));
  reporter_.Phase("mounts");
  if (HasRuntimeHooks(plan_.config.hooks)) {
    if (!SendByte(socket_, kBuilt)) return ErrnoStatus("set-up");
    RETURN_IF_ERROR(Expect(kHooked, "the hooks ran"));
  }
  RETURN_IF_ERROR(RunHooks(plan_.config.hooks.create_container,
                           "createContainer", HookState(plan_, getpid())));
  RETURN_IF_ERROR(root.Pivot());
  plan_.builder.reset();
  return absl::OkStatus();
}

absl::Status Init::EnterCgroups() {
  RETURN_IF_ERROR(cgroup::Enter(plan_.cgroup_doors));
  plan_.cgroup_doors.clear();
  // Only now is our own cgroup the root of what a new namespace shows.
  if (plan_.new_cgroup_namespace && unshare(CLONE_NEWCGROUP) != 0) {
    return ErrnoStatus("unshare cgroup");
  }
  reporter_.Phase("cgroup");
  return absl::OkStatus();
}

absl::Status Init::Prepare() {
  ResetSignals();
  if (plan_.user_namespace.ok()) RETURN_IF_ERROR(ns::BecomeRoot());
  if (setsid() < 0 && errno != EPERM) return ErrnoStatus("setsid");
  RETURN_IF_ERROR(JoinKeyring(plan_.identity, *plan_.proc));
  RETURN_IF_ERROR(EnterCgroups());
  RETURN_IF_ERROR(SetHost());
  RETURN_IF_ERROR(BuildRoot());
  const SetupRequest& request = *plan_.request;
  if (plan_.config.process.terminal) {
    RETURN_IF_ERROR(SetTerminal(pty_slave_.get(), plan_.config.process));
  } else {
    RETURN_IF_ERROR(
        SetStdio(request.stdin_fd, request.stdout_fd, request.stderr_fd));
  }
  AddHome(&plan_.identity);
  if (request.verify_command) {
    RETURN_IF_ERROR(FindCommand(plan_.config.process).status());
  }
  // In force from the exec on; the host's procfs is not within reach by then.
  RETURN_IF_ERROR(lsm::SetForExec(plan_.identity.labels,
                                  lsm::ProcAttributes(plan_.proc.get())));
  if (!SendByte(socket_, kReady, pty_.get())) return ErrnoStatus("set-up");
  pty_.reset();
  pty_slave_.reset();
  plan_.proc.reset();
  plan_.join.clear();
  RETURN_IF_ERROR(KeepOnlyNeeded());
  RETURN_IF_ERROR(SetRlimits(plan_.config.process.rlimits));
  return absl::OkStatus();
}

int Init::Start(std::string* path) {
  char byte;
  ssize_t size;
  do {
    size = read(start_fd_, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) _exit(0);  // the keeper is gone
  absl::Status status = RunHooks(plan_.config.hooks.start_container,
                                 "startContainer", HookState(plan_, getpid()));
  if (status.ok()) status = Become(plan_.identity);
  if (!status.ok()) {
    reporter_.Failed(status);
    _exit(127);
  }
  return Exec(plan_.identity, path);
}

}  // namespace

void RunInit(Plan* plan, int socket) {
  Init init(plan, socket);
  if (absl::Status status = init.Prepare(); !status.ok()) {
    init.reporter().Failed(status);
    SendByte(socket, kFault);
    _exit(127);
  }
  std::string path;
  int error = init.Start(&path);
  init.reporter().Failed(error, ExecError(path, error));
  _exit(127);
}

}  // namespace runtime::launch
