// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/sub_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/volume/mount.h"
#include "runtime/base/file.h"
#include "runtime/base/openat2.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

// errno in *error if the descriptor is not valid.
UniqueFd OpenBeneath(int base, const std::string& path, int flags, int* error) {
  UniqueFd fd(runtime::OpenAt2(base, path.c_str(), flags, 0,
                               RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
  *error = fd.ok() ? 0 : errno;
  return fd;
}

absl::Status Refused(int error, const std::string& volume,
                     const std::string& sub_path) {
  if (error == EXDEV) {
    return absl::PermissionDeniedError(absl::StrCat(
        "subpath \"", sub_path, "\" not within volume path \"", volume, "\""));
  }
  return ErrnoStatus(error,
                     absl::StrCat("open subpath ", sub_path, " in ", volume));
}

// Makes one directory in `parent` and returns it. Who swaps it for another in
// between gets that one's mode changed, inside the same volume.
absl::StatusOr<UniqueFd> MakeOne(int parent, const std::string& name,
                                 mode_t mode) {
  if (mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("mkdir ", name));
  }
  UniqueFd fd(openat(parent, name.c_str(),
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(absl::StrCat("open ", name));
  if (fchmod(fd.get(), mode) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", name));
  }
  return fd;
}

absl::Status MakeMissing(int base, const std::string& volume,
                         const std::string& sub_path) {
  struct stat st;
  if (fstat(base, &st) != 0) return ErrnoStatus(absl::StrCat("stat ", volume));
  std::vector<std::string> parts =
      absl::StrSplit(sub_path, '/', absl::SkipEmpty());
  std::string walked;
  for (const std::string& part : parts) {
    std::string next = walked.empty() ? part : absl::StrCat(walked, "/", part);
    int error = 0;
    if (!OpenBeneath(base, next, O_PATH, &error).ok()) {
      if (error != ENOENT) return Refused(error, volume, sub_path);
      UniqueFd parent = OpenBeneath(base, walked.empty() ? "." : walked,
                                    O_PATH | O_DIRECTORY, &error);
      if (!parent.ok()) return Refused(error, volume, sub_path);
      RETURN_IF_ERROR(MakeOne(parent.get(), part, st.st_mode & 07777).status());
    }
    walked = next;
  }
  return absl::OkStatus();
}

bool SameFile(int fd, const std::string& path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && lstat(path.c_str(), &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// An empty file or directory to mount on, as `fd` is one or the other.
absl::Status MakeTarget(int fd, const std::string& target) {
  struct stat st;
  if (fstat(fd, &st) != 0) return ErrnoStatus(absl::StrCat("stat ", target));
  bool directory = S_ISDIR(st.st_mode);
  struct stat old;
  if (lstat(target.c_str(), &old) == 0) {
    if (S_ISDIR(old.st_mode) == directory) return absl::OkStatus();
    int flags = S_ISDIR(old.st_mode) ? AT_REMOVEDIR : 0;
    if (unlinkat(AT_FDCWD, target.c_str(), flags) != 0) {
      return ErrnoStatus(absl::StrCat("remove ", target));
    }
  }
  if (directory) return runtime::MakeDirs(target, 0750);
  size_t slash = target.rfind('/');
  RETURN_IF_ERROR(runtime::MakeDirs(target.substr(0, slash), 0750));
  return runtime::OpenFile(target, O_WRONLY | O_CREAT | O_NOFOLLOW, 0640)
      .status();
}

}  // namespace

absl::Status CheckSubPath(const std::string& sub_path) {
  if (!sub_path.empty() && sub_path[0] == '/') {
    return absl::InvalidArgumentError(absl::StrCat(
        "error SubPath `", sub_path, "` must not be an absolute path"));
  }
  for (absl::string_view part : absl::StrSplit(sub_path, '/')) {
    if (part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("unable to provision SubPath `", sub_path,
                       "`: must not contain '..'"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenSubPath(const std::string& volume,
                                     const std::string& sub_path) {
  RETURN_IF_ERROR(CheckSubPath(sub_path));
  ASSIGN_OR_RETURN(UniqueFd base,
                   runtime::OpenFile(volume, O_PATH | O_DIRECTORY));
  int error = 0;
  UniqueFd fd = OpenBeneath(base.get(), sub_path, O_PATH, &error);
  if (fd.ok()) return fd;
  if (error != ENOENT) return Refused(error, volume, sub_path);
  ASSIGN_OR_RETURN(UniqueFd readable,
                   runtime::OpenFile(volume, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(MakeMissing(readable.get(), volume, sub_path));
  fd = OpenBeneath(base.get(), sub_path, O_PATH, &error);
  if (!fd.ok()) return Refused(error, volume, sub_path);
  return fd;
}

absl::Status BindSubPath(const std::string& volume, const std::string& sub_path,
                         const std::string& target) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenSubPath(volume, sub_path));
  absl::StatusOr<bool> mounted = IsMountPoint(target);
  if (mounted.ok() && *mounted) {
    if (SameFile(fd.get(), target)) return absl::OkStatus();
    RETURN_IF_ERROR(Detach(target));
  }
  RETURN_IF_ERROR(MakeTarget(fd.get(), target));
  return BindDescriptor(fd.get(), target);
}

absl::Status RemoveSubPaths(const std::string& pod_directory) {
  std::string root = absl::StrCat(pod_directory, "/volume-subpaths");
  RETURN_IF_ERROR(DetachBelow(root));
  std::vector<std::string> level = {root};
  std::vector<std::string> directories;
  for (int depth = 0; depth < 4 && !level.empty(); ++depth) {
    std::vector<std::string> below;
    for (const std::string& path : level) {
      struct stat st;
      if (lstat(path.c_str(), &st) != 0) continue;
      if (!S_ISDIR(st.st_mode)) {
        if (unlink(path.c_str()) != 0) {
          return ErrnoStatus(absl::StrCat("remove ", path));
        }
        continue;
      }
      directories.push_back(path);
      if (depth == 3) continue;  // <volume>/<container>/<index> is a leaf
      ASSIGN_OR_RETURN(std::vector<std::string> names, runtime::ListDir(path));
      for (const std::string& name : names) {
        below.push_back(absl::StrCat(path, "/", name));
      }
    }
    level = std::move(below);
  }
  for (auto it = directories.rbegin(); it != directories.rend(); ++it) {
    if (rmdir(it->c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(absl::StrCat("rmdir ", *it));
    }
  }
  return absl::OkStatus();
}

}  // namespace agent::volume
