// SPDX-License-Identifier: Apache-2.0
// How a log stays below its limit without a kubelet: the holder moves it aside
// itself. A kubelet may rename, compress and remove the same files at the same
// time, so nothing here trusts a name without looking at what has it.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/hold/log.h"
#include "runtime/path/root.h"

namespace runtime::hold {
namespace {

constexpr int64_t kSecond = 1000000000;
constexpr int64_t kRetry = kSecond;
// Names that are taken are passed over, one nanosecond each.
constexpr int kTries = 100;

int64_t Nanoseconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

// "0.log.20060102-150405.000000000"
std::string NameAt(const std::string& name, int64_t nanoseconds) {
  char time[kTimeBytes];
  FormatTime({nanoseconds / kSecond, nanoseconds % kSecond}, time);
  const absl::string_view text(time, kTimeBytes);
  return absl::StrCat(name, ".", text.substr(0, 4), text.substr(5, 2),
                      text.substr(8, 2), "-", text.substr(11, 2),
                      text.substr(14, 2), text.substr(17, 2), ".",
                      text.substr(20, 9));
}

// Never over another file. 0 or an errno.
int Rename(int directory, const std::string& from, const std::string& to) {
  if (renameat2(directory, from.c_str(), directory, to.c_str(),
                RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL) return errno;
  // This filesystem cannot promise it; nobody else uses such names.
  if (faccessat(directory, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    return EEXIST;
  }
  return renameat(directory, from.c_str(), directory, to.c_str()) == 0 ? 0
                                                                       : errno;
}

// What has the name is the file behind `own`.
bool IsSame(int directory, const std::string& name, const struct stat& own) {
  struct stat there {};
  return fstatat(directory, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

// A new file that has `name` once the one of that name has `*moved`, which is
// chosen here. The new file is there before the old one goes: on a full disk
// everything stays as it is, and no reader sees its log come again.
absl::StatusOr<UniqueFd> Exchange(int directory, const std::string& name,
                                  int64_t* moved) {
  const std::string fresh = absl::StrCat(".", NameAt(name, *moved));
  UniqueFd file(openat(
      directory, fresh.c_str(),
      O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!file.ok()) return ErrnoStatus(absl::StrCat("create ", fresh));
  std::string aside;
  int error = EEXIST;
  for (int i = 0; error == EEXIST && i < kTries; ++i) {
    aside = NameAt(name, ++*moved);
    error = Rename(directory, name, aside);
  }
  if (error == 0) {
    error = Rename(directory, fresh, name);
    if (error == 0) return file;
    // Where that fails too, the caller does not find the file any more.
    (void)Rename(directory, aside, name);
  }
  unlinkat(directory, fresh.c_str(), 0);
  return ErrnoStatus(error, absl::StrCat("rename ", name, " to ", aside));
}

}  // namespace

void LogFile::MakeRoom(uint64_t bytes) {
  if (size_ + batch_ + bytes <= cap_ || size_ + batch_ == 0) return;
  const int64_t now = Nanoseconds(CLOCK_MONOTONIC);
  if (now < retry_) return;
  Flush();
  const absl::Status moved = MoveAside(bytes);
  const bool tell = !moved.ok() && retry_ == 0;
  retry_ = moved.ok() ? 0 : now + kRetry;
  if (!tell) return;
  const std::string line =
      absl::StrCat("holder: log ", path_, ": move it aside: ", moved.message(),
                   "; it grows past its limit of ", cap_, " bytes\n");
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

absl::Status LogFile::MoveAside(uint64_t bytes) {
  ASSIGN_OR_RETURN(const path::Root root, path::Root::Open("/"));
  ASSIGN_OR_RETURN(const path::Root::Parent parent,
                   root.MakeParent(path_, path::Root::Links::kRefuse));
  const int directory = parent.directory.get();
  struct stat own;
  if (fstat(fd_.get(), &own) != 0) return ErrnoStatus("stat it");
  // A kubelet has renamed it and is about to say so, or it was removed.
  if (!IsSame(directory, parent.name, own)) return Open(path_);
  size_ = static_cast<uint64_t>(own.st_size);
  if (size_ == 0 || size_ + bytes <= cap_) {  // somebody cut it short
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(RemoveOldest(directory, parent.name));
  // Names go up also when the clock goes back.
  int64_t moved =
      std::max(Nanoseconds(CLOCK_REALTIME), moved_[kMovedAside - 1]);
  absl::StatusOr<UniqueFd> file = Exchange(directory, parent.name, &moved);
  if (!file.ok()) {
    // In between a kubelet may have moved it, or made another.
    return IsSame(directory, parent.name, own) ? file.status() : Open(path_);
  }
  fd_ = *std::move(file);
  size_ = 0;
  std::copy(std::next(moved_), std::end(moved_), moved_);
  moved_[kMovedAside - 1] = moved;
  return absl::OkStatus();
}

// It may be gone: compressed by a kubelet, which counts it among its own then.
absl::Status LogFile::RemoveOldest(int directory, const std::string& name) {
  if (moved_[0] == 0) return absl::OkStatus();
  const std::string oldest = NameAt(name, moved_[0]);
  if (unlinkat(directory, oldest.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("remove ", oldest));
  }
  moved_[0] = 0;
  return absl::OkStatus();
}

}  // namespace runtime::hold
