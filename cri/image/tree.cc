// SPDX-License-Identifier: Apache-2.0
#include "cri/image/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/openat2.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr char kOpaque[] = "trusted.overlay.opaque";
constexpr mode_t kImpliedMode = 0755;
// Their paths are kept in the layer's record.
constexpr size_t kMaxImplied = 2000;

std::string DirectoryOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string BaseOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool IsWhiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

// A path to the entry whose directory part is a descriptor of ours, for the
// calls that have no *at form. Its last component must not be followed.
std::string ProcPath(int parent, const std::string& base) {
  return absl::StrCat("/proc/self/fd/", parent, "/", base);
}

}  // namespace

absl::StatusOr<std::string> CleanPath(absl::string_view path) {
  auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("path \"", path.substr(0, 200), "\": ", why));
  };
  if (path.size() > PATH_MAX) return bad("longer than 4096 bytes");
  if (path.find('\0') != absl::string_view::npos) return bad("has a NUL byte");
  std::string clean;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return bad("leaves its directory");
    if (part.size() > NAME_MAX) return bad("a component is too long");
    absl::StrAppend(&clean, clean.empty() ? "" : "/", part);
  }
  return clean;
}

absl::StatusOr<UniqueFd> OpenInRoot(int root_fd, const std::string& path,
                                    int flags, uint64_t extra_resolve) {
  UniqueFd fd(runtime::OpenAt2(
      root_fd, path.empty() ? "." : path.c_str(), flags, 0,
      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | extra_resolve));
  if (!fd.ok()) return ErrnoStatus(absl::StrCat("open ", path));
  return fd;
}

absl::Status Tree::OpenParent(const std::string& directory,
                              uint64_t extra_resolve) {
  // A layer is one file system: nothing may be mounted where it is written.
  auto fd = OpenInRoot(root_.get(), directory, O_PATH | O_DIRECTORY,
                       extra_resolve | RESOLVE_NO_XDEV);
  if (!fd.ok()) return fd.status();
  parent_ = *std::move(fd);
  parent_path_ = directory;
  parent_resolve_ = extra_resolve;
  return absl::OkStatus();
}

absl::StatusOr<int> Tree::Parent(const std::string& path,
                                 uint64_t extra_resolve) {
  std::string directory = DirectoryOf(path);
  if (parent_.ok() && parent_path_ == directory &&
      parent_resolve_ == extra_resolve) {
    return parent_.get();
  }
  absl::Status status = OpenParent(directory, extra_resolve);
  if (absl::IsNotFound(status)) {
    RETURN_IF_ERROR(MakeImplied(directory));
    status = OpenParent(directory, extra_resolve);
  }
  RETURN_IF_ERROR(status);
  return parent_.get();
}

// Entries may come without their directories. Those are made one by one, each
// below a parent that was resolved inside the root.
absl::Status Tree::MakeImplied(const std::string& path) {
  std::string made;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    std::string parent = made;
    absl::StrAppend(&made, made.empty() ? "" : "/", part);
    ASSIGN_OR_RETURN(UniqueFd fd,
                     OpenInRoot(root_.get(), parent, O_PATH | O_DIRECTORY));
    if (mkdirat(fd.get(), std::string(part).c_str(), kImpliedMode) == 0) {
      if (implied_.size() >= kMaxImplied) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "the layer lacks more than ", kMaxImplied, " directories"));
      }
      implied_.push_back(made);
      ++inodes_;
      if (fchmodat(fd.get(), std::string(part).c_str(), kImpliedMode, 0) != 0) {
        return ErrnoStatus(absl::StrCat("chmod ", made));
      }
    } else if (errno != EEXIST) {
      return ErrnoStatus(absl::StrCat("mkdir ", made));
    }
  }
  return absl::OkStatus();
}

// Removes what stands at `path`. True if a directory stands there and is kept.
absl::StatusOr<bool> Tree::Clear(int parent, const std::string& path,
                                 bool keep_directory, bool* was_whiteout) {
  std::string base = BaseOf(path);
  struct stat st;
  if (fstatat(parent, base.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(absl::StrCat("stat ", path));
  }
  if (was_whiteout != nullptr) *was_whiteout = IsWhiteout(st);
  if (S_ISDIR(st.st_mode)) {
    if (keep_directory) return true;
    // The kept parent descriptor is that of `path`, so never inside it.
    RETURN_IF_ERROR(runtime::RemoveTree(ProcPath(parent, base)));
    return false;
  }
  if (unlinkat(parent, base.c_str(), 0) != 0) {
    return ErrnoStatus(absl::StrCat("unlink ", path));
  }
  return false;
}

absl::Status Tree::Apply(int parent, const std::string& path,
                         const Attributes& with, bool mode_too) {
  std::string base = path.empty() ? "." : BaseOf(path);
  if (fchownat(parent, base.c_str(), with.uid, with.gid, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return ErrnoStatus(absl::StrCat("chown ", path));
  }
  for (const auto& [key, value] : with.xattrs) {
    if (lsetxattr(ProcPath(parent, base).c_str(), key.c_str(), value.data(),
                  value.size(), 0) != 0 &&
        errno != EOPNOTSUPP && errno != EPERM) {
      return ErrnoStatus(absl::StrCat("setxattr ", key, " of ", path));
    }
  }
  // chown clears setuid, so the mode comes after it. fchmodat follows
  // symlinks; callers pass mode_too only for what they have just made as
  // something else, in a tree that nobody else writes.
  if (mode_too && fchmodat(parent, base.c_str(), with.mode, 0) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", path));
  }
  timespec times[2] = {with.mtime, with.mtime};
  if (utimensat(parent, base.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(absl::StrCat("utimens ", path));
  }
  return absl::OkStatus();
}

absl::Status Tree::MakeDirectory(const std::string& path,
                                 const Attributes& with) {
  directory_times_[path] = with.mtime;
  implied_.erase(std::remove(implied_.begin(), implied_.end(), path),
                 implied_.end());
  if (path.empty()) return Apply(root_.get(), path, with, true);
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  bool was_whiteout = false;
  ASSIGN_OR_RETURN(bool kept, Clear(parent, path, true, &was_whiteout));
  if (!kept) {
    if (mkdirat(parent, BaseOf(path).c_str(), 0700) != 0) {
      return ErrnoStatus(absl::StrCat("mkdir ", path));
    }
    ++inodes_;
  }
  RETURN_IF_ERROR(Apply(parent, path, with, true));
  // Removed and made anew in one layer: lower content must not show through.
  return was_whiteout ? MakeOpaque(path) : absl::OkStatus();
}

absl::StatusOr<UniqueFd> Tree::CreateFile(const std::string& path) {
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  RETURN_IF_ERROR(Clear(parent, path, false, nullptr).status());
  UniqueFd fd(openat(parent, BaseOf(path).c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     0600));
  if (!fd.ok()) return ErrnoStatus(absl::StrCat("create ", path));
  ++inodes_;
  return fd;
}

absl::Status Tree::FinishFile(int fd, const std::string& path,
                              const Attributes& with) {
  if (fchown(fd, with.uid, with.gid) != 0) {
    return ErrnoStatus(absl::StrCat("chown ", path));
  }
  for (const auto& [key, value] : with.xattrs) {
    if (fsetxattr(fd, key.c_str(), value.data(), value.size(), 0) != 0 &&
        errno != EOPNOTSUPP) {
      return ErrnoStatus(absl::StrCat("setxattr ", key, " of ", path));
    }
  }
  if (fchmod(fd, with.mode) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", path));
  }
  timespec times[2] = {with.mtime, with.mtime};
  if (futimens(fd, times) != 0) {
    return ErrnoStatus(absl::StrCat("utimens ", path));
  }
  return absl::OkStatus();
}

absl::Status Tree::MakeSymlink(const std::string& path,
                               const std::string& target,
                               const Attributes& with) {
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  RETURN_IF_ERROR(Clear(parent, path, false, nullptr).status());
  if (symlinkat(target.c_str(), parent, BaseOf(path).c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("symlink ", path));
  }
  ++inodes_;
  return Apply(parent, path, with, false);
}

absl::Status Tree::MakeHardLink(const std::string& path,
                                const std::string& target) {
  if (path == target) return absl::OkStatus();
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  ASSIGN_OR_RETURN(UniqueFd from, OpenInRoot(root_.get(), DirectoryOf(target),
                                             O_PATH | O_DIRECTORY));
  const std::string base = BaseOf(target);
  struct stat st;
  if (fstatat(from.get(), base.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(absl::StrCat("hard link ", path, " to ", target));
  }
  // A link to a whiteout would be a second whiteout, one to a directory fails.
  if (IsWhiteout(st) || S_ISDIR(st.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hard link ", path, " to ", target, ": the target is not a file"));
  }
  RETURN_IF_ERROR(Clear(parent, path, false, nullptr).status());
  if (linkat(from.get(), base.c_str(), parent, BaseOf(path).c_str(), 0) != 0) {
    return ErrnoStatus(absl::StrCat("hard link ", path, " to ", target));
  }
  return absl::OkStatus();
}

absl::Status Tree::LinkFrom(int directory, const std::string& name,
                            const std::string& path) {
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  RETURN_IF_ERROR(Clear(parent, path, false, nullptr).status());
  if (linkat(directory, name.c_str(), parent, BaseOf(path).c_str(), 0) != 0) {
    return ErrnoStatus(absl::StrCat("link ", path));
  }
  return absl::OkStatus();
}

absl::Status Tree::MakeNode(const std::string& path, mode_t type, dev_t device,
                            const Attributes& with) {
  ASSIGN_OR_RETURN(int parent, Parent(path, 0));
  RETURN_IF_ERROR(Clear(parent, path, false, nullptr).status());
  if (mknodat(parent, BaseOf(path).c_str(), type | 0600, device) != 0) {
    return ErrnoStatus(absl::StrCat("mknod ", path));
  }
  ++inodes_;
  return Apply(parent, path, with, true);
}

absl::Status Tree::MakeWhiteout(const std::string& path) {
  ASSIGN_OR_RETURN(int parent, Parent(path, RESOLVE_NO_SYMLINKS));
  struct stat st;
  if (fstatat(parent, BaseOf(path).c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(st.st_mode)) return MakeOpaque(path);
    return absl::OkStatus();
  }
  if (mknodat(parent, BaseOf(path).c_str(), S_IFCHR, makedev(0, 0)) != 0) {
    return ErrnoStatus(absl::StrCat("whiteout ", path));
  }
  ++inodes_;
  return absl::OkStatus();
}

absl::Status Tree::MakeOpaque(const std::string& path) {
  auto fd = OpenInRoot(root_.get(), path, O_RDONLY | O_DIRECTORY,
                       RESOLVE_NO_SYMLINKS);
  if (absl::IsNotFound(fd.status())) {
    RETURN_IF_ERROR(MakeImplied(path));
    fd = OpenInRoot(root_.get(), path, O_RDONLY | O_DIRECTORY,
                    RESOLVE_NO_SYMLINKS);
  }
  RETURN_IF_ERROR(fd.status());
  if (fsetxattr(fd->get(), kOpaque, "y", 1, 0) != 0) {
    return ErrnoStatus(absl::StrCat("make opaque ", path));
  }
  return absl::OkStatus();
}

absl::Status Tree::Finish() {
  parent_.reset();
  for (const auto& [path, mtime] : directory_times_) {
    auto fd = OpenInRoot(root_.get(), path, O_RDONLY | O_DIRECTORY,
                         RESOLVE_NO_SYMLINKS);
    // A later entry of the layer may have replaced the directory.
    if (!fd.ok()) continue;
    timespec times[2] = {mtime, mtime};
    if (futimens(fd->get(), times) != 0) {
      return ErrnoStatus(absl::StrCat("utimens ", path));
    }
  }
  return absl::OkStatus();
}

}  // namespace cri::image
