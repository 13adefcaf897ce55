// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/identity_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/spawn_child.h"
#include "runtime/caps/caps.h"
#include "runtime/ns/root_child.h"
#include "runtime/seccomp/install_child.h"

namespace runtime::launch {

using raw::Fail;
using raw::Failure;

namespace {

constexpr char kDefaultPath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool ChangeDirectory(const char* cwd, Failure* failure) {
  if (chdir(cwd) != 0) return Fail(failure, "cwd", cwd);
  // The directory may have been reached through a descriptor that leads out of
  // the root; the kernel then cannot name it (CVE-2024-21626).
  char buffer[PATH_MAX];
  long size = syscall(SYS_getcwd, buffer, sizeof(buffer));
  if (size > 0 && buffer[0] == '/') return true;
  Fail(failure, "cwd", cwd, 0);
  failure->error = EACCES;
  failure->text.Add(": is outside of the container's root");
  return false;
}

bool InstallFilter(const IdentityOrders& orders, Failure* failure) {
  int error =
      seccomp::Install(orders.filter, orders.filter_size, orders.filter_flags);
  return error == 0 || Fail(failure, "seccomp", "", error);
}

bool SetRlimit(const spec::Rlimit& limit, Failure* failure) {
  auto resource = static_cast<__rlimit_resource_t>(limit.resource);
  struct rlimit value = {limit.soft, limit.hard};
  if (setrlimit(resource, &value) == 0) return true;
  struct rlimit now;
  if (errno != EPERM || getrlimit(resource, &now) != 0) {
    return Fail(failure, "setrlimit");
  }
  // Without CAP_SYS_RESOURCE hard limits only go down.
  if (value.rlim_max > now.rlim_max) value.rlim_max = now.rlim_max;
  if (value.rlim_cur > value.rlim_max) value.rlim_cur = value.rlim_max;
  return setrlimit(resource, &value) == 0 || Fail(failure, "setrlimit");
}

bool SetUser(const IdentityOrders& orders, Failure* failure) {
  // Exactly these groups: none of the runtime's own stays.
  if (setgroups(orders.group_count, orders.groups) != 0) {
    return Fail(failure, "setgroups");
  }
  if (setresgid(orders.gid, orders.gid, orders.gid) != 0) {
    return Fail(failure, "setgid", raw::Text().Add(orders.gid).c_str());
  }
  // Before the change of user, in case only root may enter; and after, in case
  // only the user may.
  bool entered = ChangeDirectory(orders.cwd, failure);
  if (setresuid(orders.uid, orders.uid, orders.uid) != 0) {
    return Fail(failure, "setuid", raw::Text().Add(orders.uid).c_str());
  }
  if (int error = caps::Apply(orders.capabilities); error != 0) {
    return Fail(failure, "capabilities", "", error);
  }
  return entered || ChangeDirectory(orders.cwd, failure);
}

// "DIRECTORY/name" into `file`; false if it is too long or no absolute path: an
// empty or relative entry would mean the working directory.
bool Join(const char* directory, size_t size, const char* name, char* file) {
  size_t name_size = strlen(name);
  if (size == 0 || directory[0] != '/') return false;
  if (size + 1 + name_size >= PATH_MAX) return false;
  memcpy(file, directory, size);
  file[size] = '/';
  memcpy(file + size + 1, name, name_size + 1);
  return true;
}

// 0 or an errno.
int Search(const IdentityOrders& orders, char* file) {
  const char* path = raw::FindVariable(orders.envp, "PATH");
  if (path == nullptr) path = kDefaultPath;
  int error = ENOENT;
  while (true) {
    const char* end = strchr(path, ':');
    size_t size =
        end != nullptr ? static_cast<size_t>(end - path) : strlen(path);
    struct stat info;
    if (Join(path, size, orders.argv[0], file) && stat(file, &info) == 0 &&
        !S_ISDIR(info.st_mode)) {
      if (access(file, X_OK) == 0) return 0;
      error = errno;
    }
    if (end == nullptr) return error;
    path = end + 1;
  }
}

}  // namespace

bool Begin(const IdentityOrders& orders, Failure* failure) {
  umask(orders.umask);
  if (!raw::EnterCgroups(orders.cgroup_doors, orders.cgroup_door_count)) {
    return Fail(failure, "enter cgroup");
  }
  if (orders.user_namespace) {
    if (int error = ns::TakeRoot(); error != 0) {
      return Fail(failure, "become root of the user namespace", "", error);
    }
  }
  if (setsid() < 0 && errno != EPERM) return Fail(failure, "setsid");
  // Kernels without keys have nothing to share.
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
  return true;
}

bool TakeStdio(const IdentityOrders& orders, int slave_fd, Failure* failure) {
  if (!orders.terminal) {
    return raw::SetStdio(orders.in, orders.out, orders.err) ||
           Fail(failure, "stdio");
  }
  if (!raw::SetStdio(slave_fd, slave_fd, slave_fd)) {
    return Fail(failure, "stdio");
  }
  if (ioctl(0, TIOCSCTTY, 0) != 0) {
    return Fail(failure, "controlling terminal");
  }
  if (orders.rows == 0 && orders.columns == 0) return true;
  winsize size = {};
  size.ws_row = orders.rows;
  size.ws_col = orders.columns;
  return ioctl(0, TIOCSWINSZ, &size) == 0 || Fail(failure, "terminal size");
}

bool KeepOnly(int* const* needed, size_t count, Failure* failure) {
  // First far above everything, then down to 3, 4, 5.
  for (size_t i = 0; i < count; ++i) {
    if (*needed[i] < 0) continue;
    int high = fcntl(*needed[i], F_DUPFD_CLOEXEC, 200);
    if (high < 0) return Fail(failure, "dup");
    *needed[i] = high;
  }
  if (syscall(SYS_close_range, 3, 199, 0) != 0) {
    return Fail(failure, "close_range");
  }
  int next = 3;
  for (size_t i = 0; i < count; ++i) {
    if (*needed[i] < 0) continue;
    if (dup3(*needed[i], next, O_CLOEXEC) < 0) return Fail(failure, "dup");
    *needed[i] = next++;
  }
  return syscall(SYS_close_range, next, ~0u, 0) == 0 ||
         Fail(failure, "close_range");
}

bool SetRlimits(const IdentityOrders& orders, Failure* failure) {
  for (size_t i = 0; i < orders.rlimit_count; ++i) {
    if (!SetRlimit(orders.rlimits[i], failure)) return false;
  }
  return true;
}

void GiveStream(int fd, uid_t uid) {
  struct stat info;
  if (fstat(fd, &info) != 0 || info.st_uid == uid) return;
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return;
  if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode) &&
      !S_ISSOCK(info.st_mode)) {
    return;
  }
  // A read-only or foreign file keeps its owner; the process can still use the
  // open descriptor.
  if (fchown(fd, uid, static_cast<gid_t>(-1)) != 0) return;
}

bool Become(const IdentityOrders& orders, Failure* failure) {
  if (orders.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Fail(failure, "no_new_privs");
  }
  // Without no_new_privs only CAP_SYS_ADMIN may install a filter.
  if (orders.filter != nullptr && !orders.no_new_privileges &&
      !InstallFilter(orders, failure)) {
    return false;
  }
  // Output that is a pipe of the runtime's must stay openable as /dev/stdout.
  for (int fd = 0; fd <= 2; ++fd) GiveStream(fd, orders.uid);
  if (int error = caps::LimitBounding(orders.capabilities); error != 0) {
    return Fail(failure, "bounding capabilities", "", error);
  }
  if (!SetUser(orders, failure)) return false;
  // The change of user made the process dumpable again.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return true;
}

bool FindCommand(const IdentityOrders& orders, char* file, Failure* failure) {
  const char* name = orders.argv[0];
  if (strchr(name, '/') != nullptr) {
    const size_t size = strlen(name);
    if (size >= PATH_MAX) return Fail(failure, "exec", name, ENAMETOOLONG);
    memcpy(file, name, size + 1);
    return true;
  }
  int error = Search(orders, file);
  if (error == 0) return true;
  Fail(failure, "exec", name, error == ENOENT ? 0 : error);
  failure->error = error;
  if (error == ENOENT) {
    failure->text.Add(": executable file not found in $PATH");
  }
  return false;
}

void Exec(const IdentityOrders& orders, Failure* failure) {
  char path[PATH_MAX];
  if (!FindCommand(orders, path, failure)) return;
  if (orders.filter != nullptr && orders.no_new_privileges &&
      !InstallFilter(orders, failure)) {
    return;
  }
  execve(path, orders.argv, orders.envp);
  Fail(failure, "exec", path);
}

}  // namespace runtime::launch
