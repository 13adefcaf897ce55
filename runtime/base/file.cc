// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace runtime {
namespace {

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string BaseOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string TemporaryOf(const std::string& path) {
  return absl::StrCat(ParentOf(path), "/.", BaseOf(path), ".tmp");
}

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using UniqueDir = std::unique_ptr<DIR, CloseDir>;

}  // namespace

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags,
                                  mode_t mode) {
  UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.ok()) return ErrnoStatus(absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<std::string> ReadFd(int fd, absl::string_view name,
                                   size_t max_bytes) {
  std::string data;
  char buffer[16384];
  while (true) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(absl::StrCat("read ", name));
    }
    if (n == 0) return data;
    if (data.size() + static_cast<size_t>(n) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("read ", name, ": larger than ", max_bytes, " bytes"));
    }
    data.append(buffer, static_cast<size_t>(n));
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_bytes) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY));
  return ReadFd(fd.get(), path, max_bytes);
}

absl::Status WriteAll(int fd, absl::string_view data, absl::string_view name) {
  while (!data.empty()) {
    ssize_t n = write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(absl::StrCat("write ", name));
    }
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

void CloseAllBut(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned from = 3;
  for (const int kept : keep) {
    if (kept < 3) continue;
    const unsigned fd = static_cast<unsigned>(kept);
    if (fd > from) close_range(from, fd - 1, 0);
    from = fd + 1;
  }
  close_range(from, ~0u, 0);
}

absl::Status WriteFile(const std::string& path, absl::string_view data) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY));
  ssize_t n = write(fd.get(), data.data(), data.size());
  if (n < 0) {
    return ErrnoStatus(absl::StrCat("write \"", data, "\" to ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomic(const std::string& path, absl::string_view data,
                             mode_t mode, Durability durability) {
  const std::string parent = ParentOf(path);
  const std::string temporary = TemporaryOf(path);
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
  absl::Status status = WriteAll(fd.get(), data, temporary);
  if (status.ok() && fchmod(fd.get(), mode) != 0) {
    status = ErrnoStatus(absl::StrCat("chmod ", temporary));
  }
  if (status.ok() && durability == Durability::kPowerLoss &&
      fsync(fd.get()) != 0) {
    status = ErrnoStatus(absl::StrCat("fsync ", temporary));
  }
  // As filesystems do by themselves for what a rename replaces. The exchange
  // fails for a file that is new, and where it is unknown.
  if (durability == Durability::kExchange) {
    sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  if (status.ok() && durability == Durability::kExchange &&
      renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(),
                RENAME_EXCHANGE) == 0) {
    return absl::OkStatus();
  }
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(absl::StrCat("rename ", temporary, " to ", path));
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  if (durability == Durability::kPowerLoss) {
    ASSIGN_OR_RETURN(UniqueFd dir, OpenFile(parent, O_RDONLY | O_DIRECTORY));
    if (fsync(dir.get()) != 0)
      return ErrnoStatus(absl::StrCat("fsync ", parent));
  }
  return absl::OkStatus();
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(absl::StrCat("unlink ", path));
}

absl::Status RemoveExchanged(const std::string& path) {
  RETURN_IF_ERROR(RemoveFile(path));
  return RemoveFile(TemporaryOf(path));
}

absl::Status SweepTemporaries(const std::string& directory) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, ListDir(directory));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, ".") || !absl::EndsWith(name, ".tmp")) continue;
    const std::string path = JoinPath(directory, name);
    RETURN_IF_ERROR(RemoveFile(path));
  }
  return absl::OkStatus();
}

absl::Status MakeDirs(const std::string& path, mode_t mode) {
  if (path.empty()) return absl::InvalidArgumentError("mkdir: empty path");
  if (mkdir(path.c_str(), mode) == 0) {
    if (chmod(path.c_str(), mode) != 0) {
      return ErrnoStatus(absl::StrCat("chmod ", path));
    }
    return absl::OkStatus();
  }
  if (errno == EEXIST) {
    struct stat st;
    if (stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("mkdir ", path, ": exists and is not a directory"));
  }
  if (errno != ENOENT) return ErrnoStatus(absl::StrCat("mkdir ", path));
  RETURN_IF_ERROR(MakeDirs(ParentOf(path), mode));
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("mkdir ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path) {
  UniqueDir dir(opendir(path.c_str()));
  if (dir == nullptr) return ErrnoStatus(absl::StrCat("opendir ", path));
  std::vector<std::string> names;
  while (dirent* entry = readdir(dir.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::StatusOr<std::string> RealPath(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr),
                                              free);
  if (real == nullptr) return ErrnoStatus(path);
  return std::string(real.get());
}

std::string JoinPath(absl::string_view base, absl::string_view rest) {
  while (!base.empty() && base.back() == '/') base.remove_suffix(1);
  while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  if (rest.empty()) return base.empty() ? "/" : std::string(base);
  return absl::StrCat(base, "/", rest);
}

}  // namespace runtime
