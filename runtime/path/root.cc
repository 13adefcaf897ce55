// SPDX-License-Identifier: Apache-2.0
#include "runtime/path/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/openat2.h"
#include "runtime/base/status.h"

namespace runtime::path {
namespace {

// Links followed plus directories made on the way.
constexpr int kMaxLinks = 255;

uint64_t ResolveFlags(Root::Links links) {
  uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (links == Root::Links::kRefuse) resolve |= RESOLVE_NO_SYMLINKS;
  return resolve;
}

// "a/b" → {"a", "b"}; "a" → {"", "a"}; no trailing slashes.
std::pair<std::string, std::string> SplitLast(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// What somebody else has put into `dirfd` under `name`: a racer's object, or a
// link.
struct Found {
  UniqueFd fd;  // O_PATH, of the link itself
  mode_t type;
  std::string target;  // of a link
};

absl::StatusOr<Found> Find(int dirfd, const std::string& name) {
  Found found{
      UniqueFd(openat(dirfd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), 0,
      ""};
  struct stat info;
  if (!found.fd.ok() || fstat(found.fd.get(), &info) != 0) {
    return ErrnoStatus(absl::StrCat("open ", name));
  }
  found.type = info.st_mode & S_IFMT;
  if (found.type != S_IFLNK) return found;
  char buffer[PATH_MAX];
  ssize_t size = readlinkat(found.fd.get(), "", buffer, sizeof(buffer));
  if (size < 0) return ErrnoStatus(absl::StrCat("readlink ", name));
  found.target = std::string(buffer, static_cast<size_t>(size));
  return found;
}

// What a dangling link at `parent`/name points to, as a path of the root.
std::string LinkTarget(const std::string& parent, const std::string& target) {
  if (!target.empty() && target[0] == '/') return target;
  return absl::StrCat(parent, "/", target);
}

}  // namespace

absl::StatusOr<Root> Root::Open(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return Root(std::move(fd));
}

absl::StatusOr<UniqueFd> Root::OpenAt(const std::string& path, int flags,
                                      mode_t mode, Links links) const {
  // RESOLVE_IN_ROOT wants something to resolve.
  const char* name = path.empty() ? "/" : path.c_str();
  int fd = OpenAt2(fd_.get(), name, flags, mode, ResolveFlags(links));
  if (fd < 0) return ErrnoStatus(absl::StrCat("open ", name));
  return UniqueFd(fd);
}

absl::StatusOr<UniqueFd> Root::MakeDirs(const std::string& path, mode_t mode,
                                        Links links) const {
  return MakeDirsDepth(path, mode, links, 0);
}

absl::StatusOr<UniqueFd> Root::MakeDirsDepth(const std::string& path,
                                             mode_t mode, Links links,
                                             int depth) const {
  if (depth > kMaxLinks)
    return ErrnoStatus(ELOOP, absl::StrCat("mkdir ", path));
  absl::StatusOr<UniqueFd> there = OpenAt(path, O_PATH | O_DIRECTORY, 0, links);
  if (there.ok() || !absl::IsNotFound(there.status())) return there;
  auto [parent, name] = SplitLast(path);
  if (name.empty() || name == "." || name == "..") {
    return ErrnoStatus(ENOENT, absl::StrCat("mkdir ", path));
  }
  ASSIGN_OR_RETURN(UniqueFd directory,
                   MakeDirsDepth(parent, mode, links, depth + 1));
  const bool made = mkdirat(directory.get(), name.c_str(), mode) == 0;
  if (!made && errno != EEXIST)
    return ErrnoStatus(absl::StrCat("mkdir ", path));
  if (made) {
    int fd = OpenAt2(directory.get(), name.c_str(),
                     O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH);
    if (fd < 0) return ErrnoStatus(absl::StrCat("mkdir ", path));
    return UniqueFd(fd);
  }
  // Something is there after all: a racer's directory or a dangling link.
  absl::StatusOr<Found> found = Find(directory.get(), name);
  if (absl::IsNotFound(found.status())) {  // no more
    return MakeDirsDepth(path, mode, links, depth + 1);
  }
  RETURN_IF_ERROR(found.status());
  if (found->type == S_IFDIR) return std::move(found->fd);
  if (found->type != S_IFLNK || links == Links::kRefuse) {
    return ErrnoStatus(found->type == S_IFLNK ? ELOOP : ENOTDIR,
                       absl::StrCat("mkdir ", path));
  }
  return MakeDirsDepth(LinkTarget(parent, found->target), mode, links,
                       depth + 1);
}

absl::StatusOr<UniqueFd> Root::MakeFile(const std::string& path) const {
  return MakeFileDepth(path, 0);
}

absl::StatusOr<UniqueFd> Root::MakeFileDepth(const std::string& path,
                                             int depth) const {
  if (depth > kMaxLinks) {
    return ErrnoStatus(ELOOP, absl::StrCat("create ", path));
  }
  absl::StatusOr<UniqueFd> there = OpenAt(path, O_PATH);
  if (there.ok() || !absl::IsNotFound(there.status())) return there;
  ASSIGN_OR_RETURN(Parent parent, MakeParent(path));
  int fd = openat(parent.directory.get(), parent.name.c_str(),
                  O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd >= 0) return UniqueFd(fd);
  if (errno != EEXIST) return ErrnoStatus(absl::StrCat("create ", path));
  absl::StatusOr<Found> found = Find(parent.directory.get(), parent.name);
  if (absl::IsNotFound(found.status())) return MakeFileDepth(path, depth + 1);
  RETURN_IF_ERROR(found.status());
  if (found->type != S_IFLNK) return std::move(found->fd);
  return MakeFileDepth(LinkTarget(SplitLast(path).first, found->target),
                       depth + 1);
}

absl::StatusOr<Root::Parent> Root::MakeParent(const std::string& path,
                                              Links links) const {
  auto [directory, name] = SplitLast(path);
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": does not name a file"));
  }
  ASSIGN_OR_RETURN(UniqueFd fd, MakeDirs(directory, 0755, links));
  return Parent{std::move(fd), name};
}

}  // namespace runtime::path
