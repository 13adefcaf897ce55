// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/copy_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "runtime/base/file.h"
#include "runtime/base/spawn_child.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace runtime::mount {
namespace {

constexpr int kMaxDepth = 64;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

absl::Status CopyTreeDepth(int from, int to, int depth);

absl::Status CopyFile(int from, int to, const char* name,
                      const struct stat& info) {
  UniqueFd in(openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in.ok()) return ErrnoStatus(name);
  UniqueFd out(openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.ok()) return ErrnoStatus(name);
  while (true) {
    ssize_t sent = sendfile(out.get(), in.get(), nullptr, 1 << 20);
    if (sent == 0) break;
    if (sent < 0) return ErrnoStatus(name);
  }
  if (fchown(out.get(), info.st_uid, info.st_gid) != 0 ||
      fchmod(out.get(), info.st_mode & 07777) != 0) {
    return ErrnoStatus(name);
  }
  return absl::OkStatus();
}

absl::Status CopyLink(int from, int to, const char* name,
                      const struct stat& info) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(from, name, target, sizeof(target) - 1);
  if (size < 0) return ErrnoStatus(name);
  target[size] = '\0';
  if (symlinkat(target, to, name) != 0 ||
      fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(name);
  }
  return absl::OkStatus();
}

absl::Status CopyDirectory(int from, int to, const char* name,
                           const struct stat& info, int depth) {
  if (mkdirat(to, name, 0700) != 0) return ErrnoStatus(name);
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd in(openat(from, name, kFlags));
  UniqueFd out(openat(to, name, kFlags));
  if (!in.ok() || !out.ok()) return ErrnoStatus(name);
  RETURN_IF_ERROR(CopyTreeDepth(in.get(), out.get(), depth + 1));
  if (fchown(out.get(), info.st_uid, info.st_gid) != 0 ||
      fchmod(out.get(), info.st_mode & 07777) != 0) {
    return ErrnoStatus(name);
  }
  return absl::OkStatus();
}

absl::Status CopyTreeDepth(int from, int to, int depth) {
  if (depth > kMaxDepth) return ErrnoStatus(ELOOP, "copy");
  int list = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, CloseDir> dir(list < 0 ? nullptr : fdopendir(list));
  if (dir == nullptr) return ErrnoStatus("copy");
  while (dirent* entry = readdir(dir.get())) {
    const char* name = entry->d_name;
    if (std::string(name) == "." || std::string(name) == "..") continue;
    struct stat info;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(name);
    }
    absl::Status status;
    if (S_ISDIR(info.st_mode)) {
      status = CopyDirectory(from, to, name, info, depth);
    } else if (S_ISREG(info.st_mode)) {
      status = CopyFile(from, to, name, info);
    } else if (S_ISLNK(info.st_mode)) {
      status = CopyLink(from, to, name, info);
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyTree(int from, int to) { return CopyTreeDepth(from, to, 0); }

absl::Status CopyTreeIn(const std::vector<int>& doors, int from, int to) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  UniqueFd here(fds[0]), there(fds[1]);
  pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) {
    absl::Status status = raw::EnterCgroups(doors.data(), doors.size())
                              ? CopyTree(from, to)
                              : ErrnoStatus("enter cgroup");
    if (status.ok()) _exit(0);
    status = WriteAll(there.get(), status.message(), "pipe");
    _exit(1);
  }
  there.reset();
  absl::StatusOr<std::string> text = ReadFd(here.get(), "pipe");
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return absl::OkStatus();
  if (WIFSIGNALED(result)) {
    return absl::ResourceExhaustedError(
        "copy: was killed; does it fit into the container's memory limit?");
  }
  RETURN_IF_ERROR(text.status());
  return absl::AbortedError(*text);
}

}  // namespace runtime::mount
