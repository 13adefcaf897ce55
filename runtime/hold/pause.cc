// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/pause.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/hold/child.h"
#include "runtime/ns/root_child.h"

namespace runtime::hold {
namespace {

// Leaves all that was mounted behind.
int EnterEmptyRoot(int dir_fd, const char* root_dir) {
  if (fchdir(dir_fd) != 0) return errno;
  if (unshare(CLONE_NEWNS) != 0) return errno;
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return errno;
  }
  if (mount("pause", root_dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
            "size=4k,mode=0555") != 0) {
    return errno;
  }
  if (chdir(root_dir) != 0) return errno;
  if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return errno;
  mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY | MS_BIND, nullptr);
  return 0;
}

// Containers see this process as /proc/1. Its root and its descriptors must
// lead nowhere, whatever privileges they have.
int Isolate(int mounts_fd) {
  return setns(mounts_fd, CLONE_NEWNS) == 0 ? 0 : errno;
}

void DropPrivileges() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; ++cap) {
  }
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  syscall(SYS_capset, &head, none);
  prctl(PR_SET_DUMPABLE, 0);
}

[[noreturn]] void RunPause(int ready, int error) {
  DropPrivileges();
  // Changes of credentials clear it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (write(ready, &error, sizeof error) != sizeof error || error != 0) {
    _exit(1);
  }
  close_range(0, ~0u, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (true) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    sigwaitinfo(&child, nullptr);
  }
}

pid_t CloneInNewPidNamespace(uint64_t flags) {
  clone_args args{};
  args.flags = CLONE_NEWPID | flags;
  if ((flags & CLONE_PARENT) == 0) args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

void BecomePause() {
  ResetChild();
  SetTitle("pause", "coracle-oci pause");
}

// A process that takes the pause's root while it still is the host's, and then
// makes the pause where its PID namespace will belong to the user namespace.
[[noreturn]] void RunMaker(int mounts_fd, int user_fd, int ready, int made) {
  BecomePause();
  int error = Isolate(mounts_fd);
  if (error == 0 && setns(user_fd, CLONE_NEWUSER) != 0) {
    error = errno;
  }
  if (error == 0) error = ns::TakeRoot();
  pid_t pid = error == 0 ? CloneInNewPidNamespace(CLONE_PARENT) : -1;
  if (pid == 0) RunPause(ready, 0);
  if (pid < 0) pid = error == 0 ? -errno : -error;
  _exit(write(made, &pid, sizeof pid) == sizeof pid ? 0 : 1);
}

pid_t MakeInUserNamespace(int mounts_fd, int user_fd, int ready) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return -errno;
  UniqueFd here(fds[0]), there(fds[1]);
  pid_t maker = fork();
  if (maker < 0) return -errno;
  if (maker == 0) RunMaker(mounts_fd, user_fd, ready, there.get());
  there.reset();
  pid_t pid = 0;
  if (read(here.get(), &pid, sizeof pid) != sizeof pid) pid = -EIO;
  waitpid(maker, nullptr, 0);
  return pid;
}

pid_t Make(int mounts_fd, int ready) {
  pid_t pid = CloneInNewPidNamespace(0);
  if (pid == 0) {
    BecomePause();
    RunPause(ready, Isolate(mounts_fd));
  }
  return pid < 0 ? -errno : pid;
}

}  // namespace

int MakeEmptyRoot(int dir_fd, const char* name, UniqueFd* mounts) {
  int made[2], opened[2];
  if (pipe2(made, O_CLOEXEC) != 0) return errno;
  UniqueFd made_here(made[0]), made_there(made[1]);
  if (pipe2(opened, O_CLOEXEC) != 0) return errno;
  UniqueFd opened_there(opened[0]), opened_here(opened[1]);
  pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    opened_here.reset();
    int error = EnterEmptyRoot(dir_fd, name);
    char end;
    // Lives until its namespace has been opened.
    if (write(made_there.get(), &error, sizeof error) == sizeof error) {
      while (read(opened_there.get(), &end, 1) < 0 && errno == EINTR) {
      }
    }
    _exit(0);
  }
  made_there.reset();
  int error = 0;
  if (read(made_here.get(), &error, sizeof error) != sizeof error) error = EIO;
  if (error == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    mounts->reset(open(path, O_RDONLY | O_CLOEXEC));
    if (!mounts->ok()) error = errno;
  }
  opened_here.reset();
  waitpid(pid, nullptr, 0);
  return error;
}

int EmptyRoot::Ensure(absl::FunctionRef<int(UniqueFd* mounts)> make) {
  if (mounts_.ok()) return 0;
  if (refused_ != 0) return refused_;
  const int error = make(&mounts_);
  if (error == EPERM || error == EACCES || error == EINVAL || error == ENODEV ||
      error == ENOSYS) {
    refused_ = error;
  }
  return error;
}

pid_t StartPause(int mounts_fd, int user_fd, UniqueFd* pid_namespace) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return -errno;
  UniqueFd ready_here(fds[0]), ready_there(fds[1]);
  pid_t pid = user_fd < 0
                  ? Make(mounts_fd, ready_there.get())
                  : MakeInUserNamespace(mounts_fd, user_fd, ready_there.get());
  if (pid < 0) return pid;
  ready_there.reset();
  int error = 0;
  if (read(ready_here.get(), &error, sizeof error) != sizeof error) {
    error = EIO;
  }
  if (error == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    pid_namespace->reset(open(path, O_RDONLY | O_CLOEXEC));
    if (!pid_namespace->ok()) error = errno;
  }
  if (error == 0) return pid;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return -error;
}

}  // namespace runtime::hold
