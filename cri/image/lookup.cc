// SPDX-License-Identifier: Apache-2.0
#include "cri/image/lookup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr int kMaxLinks = 40;

// One directory as overlayfs merges it: the descriptors of all layers that
// contribute, topmost first.
using Merged = std::vector<std::shared_ptr<UniqueFd>>;

// What a name in a merged directory is.
struct Found {
  enum Kind { kNothing, kDirectory, kLink, kFile, kOther } kind = kNothing;
  struct stat st {};  // of the topmost layer
  Merged directory;
  std::string target;  // of a link
  UniqueFd file;
};

bool IsOpaque(int fd) {
  char value = 0;
  return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 &&
         value == 'y';
}

absl::StatusOr<Found> Classify(int parent, const std::string& name,
                               const struct stat& st) {
  Found found;
  found.st = st;
  if (S_ISLNK(st.st_mode)) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(parent, name.c_str(), target, sizeof target);
    if (size < 0) return ErrnoStatus(absl::StrCat("readlink ", name));
    found.kind = Found::kLink;
    found.target.assign(target, static_cast<size_t>(size));
  } else if (S_ISREG(st.st_mode)) {
    found.kind = Found::kFile;
    found.file.reset(openat(parent, name.c_str(),
                            O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!found.file.ok()) return ErrnoStatus(absl::StrCat("open ", name));
  } else {
    const bool whiteout = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
    found.kind = whiteout ? Found::kNothing : Found::kOther;
  }
  return found;
}

absl::StatusOr<Found> LookUp(const Merged& in, const std::string& name) {
  Found found;
  for (const auto& layer : in) {
    const int parent = layer->get();
    struct stat st;
    if (fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENAMETOOLONG) continue;
      return ErrnoStatus(absl::StrCat("stat ", name));
    }
    if (!S_ISDIR(st.st_mode)) {
      // Below a directory of an upper layer it is hidden.
      if (found.kind == Found::kDirectory) break;
      return Classify(parent, name, st);
    }
    UniqueFd fd(openat(parent, name.c_str(),
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.ok()) return ErrnoStatus(absl::StrCat("open ", name));
    const bool opaque = IsOpaque(fd.get());
    if (found.kind != Found::kDirectory) found.st = st;
    found.kind = Found::kDirectory;
    found.directory.push_back(std::make_shared<UniqueFd>(std::move(fd)));
    if (opaque) break;
  }
  return found;
}

absl::StatusOr<Merged> OpenRoots(const std::vector<std::string>& layer_dirs) {
  Merged root;
  for (auto it = layer_dirs.rbegin(); it != layer_dirs.rend(); ++it) {
    ASSIGN_OR_RETURN(UniqueFd fd,
                     runtime::OpenFile(*it, O_RDONLY | O_DIRECTORY));
    const bool opaque = IsOpaque(fd.get());
    root.push_back(std::make_shared<UniqueFd>(std::move(fd)));
    if (opaque) break;
  }
  return root;
}

void Prepend(const std::string& path, std::deque<std::string>* parts) {
  std::vector<std::string> more = absl::StrSplit(path, '/');
  parts->insert(parts->begin(), more.begin(), more.end());
}

// A walk through the stack that follows links. Ends at a file, at something
// else, at nothing, or with all parts used up in a directory.
class Walk {
 public:
  explicit Walk(Merged root) { stack_.push_back({"", std::move(root)}); }

  absl::StatusOr<Found> To(const std::string& path);
  // After To has found a directory: its path.
  std::string Path() const {
    std::string path;
    for (const Step& step : stack_) {
      absl::StrAppend(&path, path.empty() ? "" : "/", step.name);
    }
    return path;
  }

 private:
  struct Step {
    std::string name;
    Merged directory;
  };
  std::vector<Step> stack_;
};

absl::StatusOr<Found> Walk::To(const std::string& path) {
  std::deque<std::string> parts;
  Prepend(path, &parts);
  int links = 0;
  while (!parts.empty()) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (stack_.size() > 1) stack_.pop_back();
      continue;
    }
    ASSIGN_OR_RETURN(Found found, LookUp(stack_.back().directory, part));
    if (found.kind == Found::kDirectory) {
      stack_.push_back({part, std::move(found.directory)});
    } else if (found.kind == Found::kLink) {
      if (++links > kMaxLinks) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": too many symbolic links"));
      }
      if (absl::StartsWith(found.target, "/")) stack_.resize(1);
      Prepend(found.target, &parts);
    } else {
      // A file has nothing below it.
      if (found.kind == Found::kFile && !parts.empty()) return Found();
      return found;
    }
  }
  Found found;
  found.kind = Found::kDirectory;
  return found;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadLayeredFile(
    const std::vector<std::string>& layer_dirs, const std::string& path,
    size_t max_bytes) {
  ASSIGN_OR_RETURN(Merged root, OpenRoots(layer_dirs));
  ASSIGN_OR_RETURN(Found found, Walk(std::move(root)).To(path));
  switch (found.kind) {
    case Found::kNothing:
      return std::nullopt;
    case Found::kFile:
      return runtime::ReadFd(found.file.get(), path, max_bytes);
    case Found::kDirectory:
      return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory"));
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": not a regular file"));
  }
}

absl::StatusOr<std::optional<std::string>> ResolveLayeredDirectory(
    const std::vector<std::string>& layer_dirs, const std::string& path) {
  ASSIGN_OR_RETURN(Merged root, OpenRoots(layer_dirs));
  Walk walk(std::move(root));
  ASSIGN_OR_RETURN(Found found, walk.To(path));
  if (found.kind != Found::kDirectory) return std::nullopt;
  return walk.Path();
}

absl::StatusOr<std::optional<LayeredStat>> StatLayered(
    const std::vector<std::string>& layer_dirs, const std::string& path) {
  ASSIGN_OR_RETURN(Merged directory, OpenRoots(layer_dirs));
  Found found;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    ASSIGN_OR_RETURN(found, LookUp(directory, std::string(part)));
    if (found.kind == Found::kNothing) return std::nullopt;
    // Empty for all but directories: below them there is nothing.
    directory = found.directory;
  }
  return LayeredStat{found.st, found.target};
}

}  // namespace cri::image
