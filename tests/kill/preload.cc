// SPDX-License-Identifier: Apache-2.0
// Loaded into a daemon by LD_PRELOAD: counts its changes of state (files, the
// kernel's links, rules and cgroups, messages to launcher and holders, programs
// that it starts) and ends the process by SIGKILL right before the one that
// points.h asks for, or right after a program was started; a write is cut in
// half, but for those that the kernel takes whole: half of a process number in
// a cgroup's file would be another process. What the C library calls by itself
// is not seen, nor what the programs do.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "tests/kill/points.h"

namespace {

using tests::kill::kDying;
using tests::kill::Points;

Points* Map() {
  const char* path = getenv(tests::kill::kPointsVariable);
  if (path == nullptr) return nullptr;
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  void* place = mmap(nullptr, sizeof(Points), PROT_READ | PROT_WRITE,
                     MAP_SHARED, static_cast<int>(fd), 0);
  syscall(SYS_close, fd);
  return place == MAP_FAILED ? nullptr : static_cast<Points*>(place);
}

Points* Shared() {
  static Points* const points = Map();
  return points;
}

// The daemon's programs inherit its environment.
__attribute__((constructor)) void Load() {
  Shared();
  unsetenv("LD_PRELOAD");
  unsetenv(tests::kill::kPointsVariable);
}

[[noreturn]] void Die() {
  syscall(SYS_kill, getpid(), SIGKILL);
  while (true) pause();
}

// Whether this is the step to die at; then the caller dies.
bool IsLast(const char* call, const char* what) {
  Points* points = Shared();
  if (points == nullptr) return false;
  int64_t left = points->left.load();
  while (left > 0) {
    const int64_t next = left == 1 ? kDying : left - 1;
    if (!points->left.compare_exchange_weak(left, next)) continue;
    if (next != kDying) return false;
    snprintf(points->step, sizeof points->step, "%s %s", call, what);
    return true;
  }
  if (left == kDying) Die();  // another thread is about to
  return false;
}

void Step(const char* call, const char* what) {
  if (IsLast(call, what)) Die();
}

void StepAt(const char* call, int fd) {
  char link[64], path[400] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) < 0) path[0] = 0;
  Step(call, path);
}

bool IsFile(int fd) {
  struct stat st;
  return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

// Of the kernel itself, which takes all of a write or nothing.
bool IsKernels(int fd) {
  struct statfs place;
  if (fstatfs(fd, &place) != 0) return false;
  return place.f_type == CGROUP_SUPER_MAGIC ||
         place.f_type == CGROUP2_SUPER_MAGIC ||
         place.f_type == PROC_SUPER_MAGIC || place.f_type == SYSFS_MAGIC;
}

// Netlink requests, and messages to launcher and holders.
bool IsRequest(int fd) {
  int domain = 0, type = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  return domain == AF_NETLINK || (domain == AF_UNIX && type == SOCK_SEQPACKET);
}

template <typename Function>
Function Next(const char* name, Function) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Makes `next` the definition that comes after the one around it.
#define NEXT(name) static const auto next = Next(#name, &::name)

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  NEXT(write);
  if (Shared() != nullptr && Shared()->left != 0 && IsFile(fd) &&
      IsLast("write", "")) {
    if (!IsKernels(fd)) next(fd, data, size / 2);
    Die();
  }
  return next(fd, data, size);
}

ssize_t sendto(int fd, const void* data, size_t size, int flags,
               const sockaddr* to, socklen_t length) {
  NEXT(sendto);
  if (IsRequest(fd)) StepAt("sendto", fd);
  return next(fd, data, size, flags, to, length);
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  NEXT(send);
  if (IsRequest(fd)) StepAt("send", fd);
  return next(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  NEXT(sendmsg);
  if (IsRequest(fd)) StepAt("sendmsg", fd);
  return next(fd, message, flags);
}

int open(const char* path, int flags, ...) {
  NEXT(open);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if ((flags & (O_CREAT | O_TRUNC)) != 0) Step("open", path);
  return next(path, flags, mode);
}

int openat(int dir, const char* path, int flags, ...) {
  NEXT(openat);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if ((flags & (O_CREAT | O_TRUNC)) != 0) Step("openat", path);
  return next(dir, path, flags, mode);
}

int rename(const char* from, const char* to) noexcept {
  NEXT(rename);
  Step("rename to", to);
  return next(from, to);
}

int renameat(int from_dir, const char* from, int to_dir,
             const char* to) noexcept {
  NEXT(renameat);
  Step("renameat to", to);
  return next(from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char* from, int to_dir, const char* to,
              unsigned flags) noexcept {
  NEXT(renameat2);
  Step("renameat2 to", to);
  return next(from_dir, from, to_dir, to, flags);
}

ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at,
                        size_t size, unsigned flags) {
  NEXT(copy_file_range);
  StepAt("copy_file_range", out);
  return next(in, in_at, out, out_at, size, flags);
}

int ftruncate(int fd, off_t size) noexcept {
  NEXT(ftruncate);
  StepAt("ftruncate", fd);
  return next(fd, size);
}

int unlink(const char* path) noexcept {
  NEXT(unlink);
  Step("unlink", path);
  return next(path);
}

int unlinkat(int dir, const char* path, int flags) noexcept {
  NEXT(unlinkat);
  Step("unlinkat", path);
  return next(dir, path, flags);
}

int rmdir(const char* path) noexcept {
  NEXT(rmdir);
  Step("rmdir", path);
  return next(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  NEXT(mkdir);
  Step("mkdir", path);
  return next(path, mode);
}

int mkdirat(int dir, const char* path, mode_t mode) noexcept {
  NEXT(mkdirat);
  Step("mkdirat", path);
  return next(dir, path, mode);
}

int linkat(int from_dir, const char* from, int to_dir, const char* to,
           int flags) noexcept {
  NEXT(linkat);
  Step("linkat", to);
  return next(from_dir, from, to_dir, to, flags);
}

int symlinkat(const char* from, int dir, const char* to) noexcept {
  NEXT(symlinkat);
  Step("symlinkat", to);
  return next(from, dir, to);
}

int symlink(const char* from, const char* to) noexcept {
  NEXT(symlink);
  Step("symlink", to);
  return next(from, to);
}

int mknodat(int dir, const char* path, mode_t mode, dev_t device) noexcept {
  NEXT(mknodat);
  Step("mknodat", path);
  return next(dir, path, mode, device);
}

int fsync(int fd) {
  NEXT(fsync);
  StepAt("fsync", fd);
  return next(fd);
}

int syncfs(int fd) noexcept {
  NEXT(syncfs);
  StepAt("syncfs", fd);
  return next(fd);
}

int mount(const char* source, const char* target, const char* type,
          unsigned long flags, const void* data) noexcept {
  NEXT(mount);
  Step("mount", target);
  return next(source, target, type, flags, data);
}

int umount2(const char* target, int flags) noexcept {
  NEXT(umount2);
  Step("umount2", target);
  return next(target, flags);
}

int chmod(const char* path, mode_t mode) noexcept {
  NEXT(chmod);
  Step("chmod", path);
  return next(path, mode);
}

int fchmod(int fd, mode_t mode) noexcept {
  NEXT(fchmod);
  StepAt("fchmod", fd);
  return next(fd, mode);
}

int fchmodat(int dir, const char* path, mode_t mode, int flags) noexcept {
  NEXT(fchmodat);
  Step("fchmodat", path);
  return next(dir, path, mode, flags);
}

int chown(const char* path, uid_t user, gid_t group) noexcept {
  NEXT(chown);
  Step("chown", path);
  return next(path, user, group);
}

int lchown(const char* path, uid_t user, gid_t group) noexcept {
  NEXT(lchown);
  Step("lchown", path);
  return next(path, user, group);
}

int fchown(int fd, uid_t user, gid_t group) noexcept {
  NEXT(fchown);
  StepAt("fchown", fd);
  return next(fd, user, group);
}

int fchownat(int dir, const char* path, uid_t user, gid_t group,
             int flags) noexcept {
  NEXT(fchownat);
  Step("fchownat", path);
  return next(dir, path, user, group, flags);
}

int setxattr(const char* path, const char* name, const void* value, size_t size,
             int flags) noexcept {
  NEXT(setxattr);
  Step("setxattr", path);
  return next(path, name, value, size, flags);
}

int lsetxattr(const char* path, const char* name, const void* value,
              size_t size, int flags) noexcept {
  NEXT(lsetxattr);
  Step("lsetxattr", path);
  return next(path, name, value, size, flags);
}

int fsetxattr(int fd, const char* name, const void* value, size_t size,
              int flags) noexcept {
  NEXT(fsetxattr);
  StepAt("fsetxattr", fd);
  return next(fd, name, value, size, flags);
}

int utimensat(int dir, const char* path, const timespec times[2],
              int flags) noexcept {
  NEXT(utimensat);
  Step("utimensat", path);
  return next(dir, path, times, flags);
}

int futimens(int fd, const timespec times[2]) noexcept {
  NEXT(futimens);
  StepAt("futimens", fd);
  return next(fd, times);
}

int posix_spawn(pid_t* pid, const char* path,
                const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const argv[],
                char* const envp[]) {
  NEXT(posix_spawn);
  Step("posix_spawn", path);
  const int error = next(pid, path, actions, attributes, argv, envp);
  Step("after posix_spawn", path);
  return error;
}

int posix_spawnp(pid_t* pid, const char* path,
                 const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const argv[],
                 char* const envp[]) {
  NEXT(posix_spawnp);
  Step("posix_spawnp", path);
  const int error = next(pid, path, actions, attributes, argv, envp);
  Step("after posix_spawnp", path);
  return error;
}

}  // extern "C"
