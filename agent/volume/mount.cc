// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/mount.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ErrnoStatus;

constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV;
constexpr int kMaxRounds = 16;

// Octal escapes (\040 for a space) as the kernel writes them.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      int value = 0;
      for (size_t k = 1; k <= 3; ++k) value = value * 8 + (text[i + k] - '0');
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool IsAtOrBelow(absl::string_view path, absl::string_view directory) {
  return path == directory ||
         (absl::StartsWith(path, directory) && path.size() > directory.size() &&
          path[directory.size()] == '/');
}

}  // namespace

absl::StatusOr<bool> IsMountPoint(const std::string& path) {
  struct statx data {};
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO, &data) !=
      0) {
    return ErrnoStatus(absl::StrCat("stat ", path));
  }
  return (data.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

absl::Status MountTmpfs(const std::string& path, const std::string& options) {
  static std::atomic<bool> noswap{true};  // Linux 6.4
  if (noswap) {
    std::string with = absl::StrCat(options, ",noswap");
    if (mount("tmpfs", path.c_str(), "tmpfs", kFlags, with.c_str()) == 0) {
      return absl::OkStatus();
    }
    if (errno != EINVAL) return ErrnoStatus(absl::StrCat("mount tmpfs ", path));
  }
  if (mount("tmpfs", path.c_str(), "tmpfs", kFlags, options.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("mount tmpfs ", path));
  }
  noswap = false;
  return absl::OkStatus();
}

absl::Status MountHugetlbfs(const std::string& path,
                            const std::string& options) {
  if (mount("hugetlbfs", path.c_str(), "hugetlbfs", kFlags, options.c_str()) !=
      0) {
    return ErrnoStatus(absl::StrCat("mount hugetlbfs ", path));
  }
  return absl::OkStatus();
}

absl::Status BindDescriptor(int fd, const std::string& target) {
  runtime::UniqueFd tree(
      open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree.ok()) return ErrnoStatus(absl::StrCat("open_tree for ", target));
  if (move_mount(tree.get(), "", AT_FDCWD, target.c_str(),
                 MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(absl::StrCat("move_mount ", target));
  }
  return absl::OkStatus();
}

absl::Status Detach(const std::string& path) {
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    return absl::OkStatus();
  }
  // EINVAL: not a mount point
  if (errno == EINVAL || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(absl::StrCat("umount ", path));
}

std::vector<std::string> MountPointsBelow(absl::string_view mountinfo,
                                          absl::string_view directory) {
  std::vector<std::string> found;
  for (absl::string_view line :
       absl::StrSplit(mountinfo, '\n', absl::SkipEmpty())) {
    std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::MaxSplits(' ', 5));
    if (fields.size() < 5) continue;
    std::string point = Unescape(fields[4]);
    if (IsAtOrBelow(point, directory)) found.push_back(std::move(point));
  }
  return found;
}

absl::Status DetachBelow(const std::string& directory) {
  // The mount table knows real paths only.
  std::unique_ptr<char, void (*)(void*)> real(
      realpath(directory.c_str(), nullptr), free);
  if (real == nullptr) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(absl::StrCat("realpath ", directory));
  }
  // A stacked mount shows the one below it only after it is gone.
  for (int round = 0; round < kMaxRounds; ++round) {
    ASSIGN_OR_RETURN(
        std::string table,
        runtime::ReadFile("/proc/thread-self/mountinfo", size_t{64} << 20));
    std::vector<std::string> points = MountPointsBelow(table, real.get());
    if (points.empty()) return absl::OkStatus();
    for (auto it = points.rbegin(); it != points.rend(); ++it) {
      RETURN_IF_ERROR(Detach(*it));
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("unmount below ", directory, ": mounts keep appearing"));
}

}  // namespace agent::volume
