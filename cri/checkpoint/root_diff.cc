// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/root_diff.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/path/root.h"

namespace cri::checkpoint {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;
using Names = std::vector<std::string>;

constexpr int kDeepest = 500;
constexpr char kOverlayPrefix[] = "trusted.overlay.";
constexpr char kOpaque[] = "trusted.overlay.opaque";

absl::StatusOr<Names> List(const UniqueFd& dir, const std::string& path) {
  UniqueFd copy(openat(dir.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = copy.ok() ? fdopendir(copy.get()) : nullptr;
  if (stream == nullptr) return ErrnoStatus("read /" + path);
  copy.release();  // owned by `stream` from here on
  Names names;
  while (dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

bool IsWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

bool IsOpaque(int dir) {
  char value[8];
  return fgetxattr(dir, kOpaque, value, sizeof value) == 1 && value[0] == 'y';
}

// But for overlayfs's own. What a filesystem does not tell is not there.
std::map<std::string, std::string> Xattrs(int fd) {
  std::map<std::string, std::string> found;
  if (flistxattr(fd, nullptr, 0) <= 0) return found;
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t size = flistxattr(fd, names.data(), names.size());
  if (size <= 0) return found;
  names.resize(static_cast<size_t>(size));
  std::string value(XATTR_SIZE_MAX, '\0');
  const Names split = absl::StrSplit(names, '\0', absl::SkipEmpty());
  for (const std::string& name : split) {
    if (absl::StartsWith(name, kOverlayPrefix)) continue;
    const ssize_t length =
        fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (length >= 0) found[name] = value.substr(0, static_cast<size_t>(length));
  }
  return found;
}

class Walk {
 public:
  Walk(const RootLayers& layers, ArchiveWriter& archive)
      : layers_(layers), archive_(archive) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(
        const UniqueFd root,
        runtime::OpenFile(layers_.upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat status {};
    if (fstat(root.get(), &status) != 0) return ErrnoStatus(layers_.upper);
    device_ = status.st_dev;
    return Directory(root, "", 0);
  }

  Names TakeGone() { return std::move(gone_); }

 private:
  absl::Status Directory(const UniqueFd& dir, const std::string& path,
                         int depth) {
    if (depth > kDeepest) {
      return absl::ResourceExhaustedError(
          absl::StrCat("/", path, ": deeper than ", kDeepest, " directories"));
    }
    ASSIGN_OR_RETURN(const Names names, List(dir, path));
    if (IsOpaque(dir.get())) RETURN_IF_ERROR(Replaced(path, names));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(
          One(dir, name, path.empty() ? name : path + "/" + name, depth));
    }
    return absl::OkStatus();
  }

  absl::Status One(const UniqueFd& dir, const std::string& name,
                   const std::string& path, int depth) {
    Entry entry;
    entry.name = path;
    if (fstatat(dir.get(), name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW) !=
        0) {
      return ErrnoStatus("stat /" + path);
    }
    const mode_t mode = entry.status.st_mode;
    if (layers_.mount_points.count("/" + path) > 0 ||
        entry.status.st_dev != device_ || S_ISSOCK(mode)) {
      return absl::OkStatus();
    }
    if (IsWhiteout(entry.status)) {
      gone_.push_back("/" + path);
      return absl::OkStatus();
    }
    if (S_ISDIR(mode) || S_ISREG(mode)) return Opened(dir, name, entry, depth);
    if (S_ISLNK(mode)) {
      char target[PATH_MAX];
      const ssize_t size =
          readlinkat(dir.get(), name.c_str(), target, sizeof target);
      if (size < 0) return ErrnoStatus("readlink /" + path);
      entry.target.assign(target, static_cast<size_t>(size));
    }
    return archive_.Add(entry);
  }

  absl::Status Opened(const UniqueFd& dir, const std::string& name,
                      Entry& entry, int depth) {
    const mode_t type = entry.status.st_mode & S_IFMT;
    const UniqueFd fd(openat(dir.get(), name.c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.ok() || fstat(fd.get(), &entry.status) != 0) {
      return ErrnoStatus("open /" + entry.name);
    }
    if ((entry.status.st_mode & S_IFMT) != type) {
      return absl::AbortedError(
          absl::StrCat("/", entry.name, ": was replaced while it was read"));
    }
    entry.xattrs = Xattrs(fd.get());
    if (S_ISDIR(type)) {
      entry.status.st_size = 0;
      RETURN_IF_ERROR(archive_.Add(entry));
      return Directory(fd, entry.name, depth + 1);
    }
    if (entry.status.st_nlink > 1) {
      auto [known, first] = links_.emplace(entry.status.st_ino, entry.name);
      if (!first) {
        entry.same_as = known->second;
        return archive_.Add(entry);
      }
    }
    return archive_.AddFile(entry, fd.get());
  }

  // The directory hides what the layers below have at its place.
  absl::Status Replaced(const std::string& path, const Names& names) {
    if (layers_.lowers.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("/", path,
                       ": was replaced, and the image, which knows what was in "
                       "it, is not there any more"));
    }
    std::set<std::string> seen(names.begin(), names.end());
    for (const std::string& lower : layers_.lowers) {
      ASSIGN_OR_RETURN(const runtime::path::Root root,
                       runtime::path::Root::Open(lower));
      const absl::StatusOr<UniqueFd> dir =
          root.OpenAt(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, 0,
                      runtime::path::Root::Links::kRefuse);
      if (!dir.ok()) continue;  // nothing of it in this layer
      ASSIGN_OR_RETURN(const Names below, List(*dir, path));
      for (const std::string& name : below) {
        struct stat status {};
        if (!seen.insert(name).second ||
            fstatat(dir->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) !=
                0 ||
            IsWhiteout(status)) {
          continue;
        }
        gone_.push_back(absl::StrCat("/", path, path.empty() ? "" : "/", name));
      }
      if (IsOpaque(dir->get())) break;
    }
    return absl::OkStatus();
  }

  const RootLayers& layers_;
  ArchiveWriter& archive_;
  dev_t device_ = 0;
  Names gone_;
  std::map<ino_t, std::string> links_;  // of files with several names
};

}  // namespace

absl::StatusOr<Names> WriteRootDiff(const RootLayers& layers,
                                    ArchiveWriter& archive) {
  Walk walk(layers, archive);
  RETURN_IF_ERROR(walk.Run());
  return walk.TakeGone();
}

}  // namespace cri::checkpoint
