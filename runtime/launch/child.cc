// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/fd_message.h"
#include "runtime/base/status.h"
#include "runtime/launch/init_child.h"

namespace runtime::launch {

namespace {

pid_t Clone(uint64_t flags, int exit_signal, int cgroup_fd) {
  struct clone_args args = {};
  args.flags = flags;
  args.exit_signal = static_cast<uint64_t>(exit_signal);
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
}

// Entering a mount namespace changes both to its root.
struct Place {
  UniqueFd root{open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  UniqueFd cwd{open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};

  // False if the root is not what it was. A working directory that can no
  // longer be entered stays left.
  bool Return() const {
    if (fchdir(root.get()) != 0 || chroot(".") != 0) return false;
    return fchdir(cwd.get()) == 0 || errno != EBADF;
  }
};

// Only memory can be short, and only for a while. What is forked next must not
// be the container's, so that anything else ends the keeper.
void TakeBack(int own, int kind) {
  while (setns(own, kind) != 0) {
    if (errno != ENOMEM) abort();
    usleep(1000);
  }
}

}  // namespace

pid_t CloneSibling(int cgroup_fd) {
  // The exit signal is the caller's own.
  return Clone(CLONE_PARENT, 0, cgroup_fd);
}

pid_t CloneInside(int process, const OwnNamespaces& own, int cgroup_fd) {
  const Place place;
  if (!place.root.ok() || !place.cwd.ok()) return -1;
  int lent = 0;
  for (const auto& [fd, kind] : own) lent |= kind;
  if (lent != 0 && setns(process, lent) != 0) return -1;
  const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const pid_t pid = Clone(0, SIGCHLD, cgroup_fd);
  if (pid == 0) return 0;
  const int error = errno;
  for (const auto& [fd, kind] : own) TakeBack(fd.get(), kind);
  if ((lent & CLONE_NEWNS) != 0 && !place.Return()) abort();
  prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
  errno = error;
  return pid;
}

absl::Status Child::Prepare() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoStatus("socketpair");
  }
  near_.reset(sockets[0]);
  far_.reset(sockets[1]);
  return absl::OkStatus();
}

void Child::Cloned(pid_t pid) {
  pid_ = pid;
  far_.reset();
}

absl::StatusOr<char> Child::Await(UniqueFd* fd) {
  int passed = -1;
  int byte = ReceiveByte(near_.get(), &passed);
  UniqueFd owned(passed);
  if (byte < 0) {
    return absl::AbortedError("the process was killed during set-up");
  }
  if (byte == kFault) {
    reported_ = true;
    return absl::AbortedError("the process failed during set-up");
  }
  if (fd != nullptr) *fd = std::move(owned);
  return static_cast<char>(byte);
}

absl::Status Child::GoOn(const std::string& home, int slave_fd) {
  struct GoOn message = {};
  home.copy(message.home, sizeof message.home - 1);
  if (!SendWithFd(near_.get(), &message, sizeof message, slave_fd)) {
    return ErrnoStatus("the process was killed during set-up");
  }
  return absl::OkStatus();
}

absl::Status Child::Tell(char byte) {
  if (SendByte(near_.get(), byte)) return absl::OkStatus();
  return ErrnoStatus("the process was killed during set-up");
}

absl::Status SetOomScore(const path::Proc& proc, std::optional<int> score) {
  if (!score.has_value()) return absl::OkStatus();
  absl::Status status = proc.Write("self/oom_score_adj", absl::StrCat(*score));
  // Going below one's own value takes CAP_SYS_RESOURCE; without it the value
  // stays as low as it may be.
  if (absl::IsPermissionDenied(status)) return absl::OkStatus();
  return status;
}

void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace runtime::launch
