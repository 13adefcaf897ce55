// SPDX-License-Identifier: Apache-2.0
#include "runtime/path/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/openat2.h"
#include "runtime/base/status.h"

namespace runtime::path {
namespace {

constexpr ino_t kProcRootInode = 1;

bool IsProcfs(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

absl::StatusOr<Proc> Proc::Open() {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("stat /proc");
  if (!IsProcfs(fd.get()) || info.st_ino != kProcRootInode) {
    return absl::FailedPreconditionError("/proc is not a procfs");
  }
  return Proc(std::move(fd));
}

absl::StatusOr<UniqueFd> Proc::OpenAt(const std::string& name,
                                      int flags) const {
  int fd = OpenAt2(fd_.get(), name.c_str(), flags, 0,
                   RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return ErrnoStatus(absl::StrCat("open /proc/", name));
  UniqueFd file(fd);
  if (!IsProcfs(fd)) {
    return absl::FailedPreconditionError(
        absl::StrCat("/proc/", name, " is not a file of procfs"));
  }
  return file;
}

absl::Status Proc::Write(const std::string& name,
                         absl::string_view data) const {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(name, O_WRONLY));
  if (write(fd.get(), data.data(), data.size()) < 0) {
    return ErrnoStatus(absl::StrCat("write /proc/", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Proc::Read(const std::string& name) const {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(name, O_RDONLY));
  return ReadFd(fd.get(), absl::StrCat("/proc/", name));
}

absl::StatusOr<UniqueFd> Proc::Reopen(int fd, int flags) const {
  const std::string name = absl::StrCat("self/fd/", fd);
  UniqueFd again(openat(fd_.get(), name.c_str(), flags | O_CLOEXEC));
  if (!again.ok()) return ErrnoStatus(absl::StrCat("open /proc/", name));
  return again;
}

absl::StatusOr<std::string> Proc::ReadLink(const std::string& name) const {
  char text[256];
  ssize_t size = readlinkat(fd_.get(), name.c_str(), text, sizeof text);
  if (size < 0) return ErrnoStatus(absl::StrCat("readlink /proc/", name));
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace runtime::path
