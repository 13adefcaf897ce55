// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/atomic_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr char kData[] = "..data";
constexpr char kDataTemporary[] = "..data_tmp";

std::string Target(const std::string& link) {
  char buffer[PATH_MAX];
  ssize_t n = readlink(link.c_str(), buffer, sizeof buffer);
  return n < 0 ? std::string() : std::string(buffer, static_cast<size_t>(n));
}

std::string FirstPart(const std::string& path) {
  return path.substr(0, path.find('/'));
}

std::set<std::string> VisibleNames(const Payload& payload) {
  std::set<std::string> names;
  for (const auto& [path, file] : payload) names.insert(FirstPart(path));
  return names;
}

// Every directory that the paths need, parents first.
std::set<std::string> Directories(const Payload& payload) {
  std::set<std::string> directories;
  for (const auto& [path, file] : payload) {
    for (size_t at = path.find('/'); at != std::string::npos;
         at = path.find('/', at + 1)) {
      directories.insert(path.substr(0, at));
    }
  }
  return directories;
}

bool SameFile(const std::string& path, const ProjectedFile& file,
              const Ownership& ownership) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
  if ((st.st_mode & 07777) != ownership.File(file.mode)) return false;
  if (static_cast<size_t>(st.st_size) != file.data.size()) return false;
  if (ownership.group && st.st_gid != *ownership.group) return false;
  if (st.st_uid != file.user.value_or(geteuid())) return false;
  absl::StatusOr<std::string> data = runtime::ReadFile(path);
  return data.ok() && *data == file.data;
}

size_t CountFiles(const std::string& directory) {
  size_t count = 0;
  absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(directory);
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    std::string path = absl::StrCat(directory, "/", name);
    struct stat st;
    if (lstat(path.c_str(), &st) != 0) continue;
    count += S_ISDIR(st.st_mode) ? CountFiles(path) : 1;
  }
  return count;
}

// True if nothing is left to do: content, modes, owners, links.
bool IsCurrent(const std::string& directory, const Payload& payload,
               const Ownership& ownership) {
  std::string version = Target(absl::StrCat(directory, "/", kData));
  if (version.empty()) return false;
  std::string root = absl::StrCat(directory, "/", version);
  for (const auto& [path, file] : payload) {
    if (!SameFile(absl::StrCat(root, "/", path), file, ownership)) return false;
  }
  if (CountFiles(root) != payload.size()) return false;
  std::set<std::string> expected = VisibleNames(payload);
  expected.insert({kData, version});
  absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(directory);
  return names.ok() &&
         std::set<std::string>(names->begin(), names->end()) == expected;
}

absl::Status MakeDirectory(const std::string& path,
                           const Ownership& ownership) {
  if (mkdir(path.c_str(), 0700) != 0) {
    return ErrnoStatus(absl::StrCat("mkdir ", path));
  }
  if (ownership.group &&
      lchown(path.c_str(), static_cast<uid_t>(-1), *ownership.group) != 0) {
    return ErrnoStatus(absl::StrCat("chown ", path));
  }
  // after chown, which clears the set-group-id bit of some filesystems
  if (chmod(path.c_str(), ownership.Directory(0755)) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteOne(const std::string& path, const ProjectedFile& file,
                      const Ownership& ownership) {
  ASSIGN_OR_RETURN(
      UniqueFd fd,
      runtime::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  RETURN_IF_ERROR(runtime::WriteAll(fd.get(), file.data, path));
  uid_t user = file.user.value_or(static_cast<uid_t>(-1));
  if ((file.user || ownership.group) &&
      fchown(fd.get(), user, ownership.gid()) != 0) {
    return ErrnoStatus(absl::StrCat("chown ", path));
  }
  if (fchmod(fd.get(), ownership.File(file.mode) & 07777) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

// "..2026_01_02_15_04_05.123456789"
std::string VersionName() {
  absl::Time now = absl::Now();
  return absl::StrCat(
      absl::FormatTime("..%Y_%m_%d_%H_%M_%S.", now, absl::UTCTimeZone()),
      absl::StrFormat("%09d", absl::ToUnixNanos(now) % 1000000000));
}

absl::Status ReplaceLink(const std::string& directory, const std::string& name,
                         const std::string& target) {
  std::string temporary = absl::StrCat(directory, "/", kDataTemporary);
  if (unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("remove ", temporary));
  }
  if (symlink(target.c_str(), temporary.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("symlink ", temporary));
  }
  std::string link = absl::StrCat(directory, "/", name);
  if (rename(temporary.c_str(), link.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("rename ", temporary, " to ", link));
  }
  return absl::OkStatus();
}

// Everything that is not of the current version: names that are gone, old
// versions, what a crash left.
absl::Status RemoveStale(const std::string& directory,
                         const std::set<std::string>& keep) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, runtime::ListDir(directory));
  for (const std::string& name : names) {
    if (keep.count(name) != 0) continue;
    RETURN_IF_ERROR(runtime::RemoveTree(absl::StrCat(directory, "/", name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPayload(const Payload& payload) {
  for (const auto& [path, file] : payload) {
    if (path.empty() || path[0] == '/') {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid path: must be relative path: ", path));
    }
    if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("invalid path: too long or has a NUL");
    }
    for (absl::string_view part : absl::StrSplit(path, '/')) {
      if (part == ".." || part == "." || part.empty() || part.size() > 255) {
        return absl::InvalidArgumentError(absl::StrCat(
            "invalid path: must not contain '..' or empty parts: ", path));
      }
    }
    if (absl::StartsWith(path, "..")) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid path: must not start with '..': ", path));
    }
  }
  for (const std::string& directory : Directories(payload)) {
    if (payload.count(directory) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "invalid path: both a file and a directory: ", directory));
    }
  }
  return absl::OkStatus();
}

bool HasPayload(const std::string& directory) {
  return runtime::Exists(absl::StrCat(directory, "/", kData));
}

absl::StatusOr<bool> WritePayload(const std::string& directory,
                                  const Payload& payload,
                                  const Ownership& ownership) {
  RETURN_IF_ERROR(CheckPayload(payload));
  if (IsCurrent(directory, payload, ownership)) return false;
  std::string version = VersionName();
  std::string root = absl::StrCat(directory, "/", version);
  RETURN_IF_ERROR(MakeDirectory(root, ownership));
  for (const std::string& path : Directories(payload)) {
    RETURN_IF_ERROR(MakeDirectory(absl::StrCat(root, "/", path), ownership));
  }
  for (const auto& [path, file] : payload) {
    RETURN_IF_ERROR(WriteOne(absl::StrCat(root, "/", path), file, ownership));
  }
  RETURN_IF_ERROR(ReplaceLink(directory, kData, version));
  std::set<std::string> keep = VisibleNames(payload);
  for (const std::string& name : keep) {
    std::string target = absl::StrCat(kData, "/", name);
    if (Target(absl::StrCat(directory, "/", name)) == target) continue;
    RETURN_IF_ERROR(ReplaceLink(directory, name, target));
  }
  keep.insert({kData, version});
  RETURN_IF_ERROR(RemoveStale(directory, keep));
  return true;
}

}  // namespace agent::volume
