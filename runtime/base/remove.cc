// SPDX-License-Identifier: Apache-2.0
// RemoveTree, for trees that a container made: of any depth, without recursion
// and with a bounded number of descriptors.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime {
namespace {

// Directories that are open at once. What lies deeper is moved up first.
constexpr size_t kMostLevels = 64;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

class Remover {
 public:
  Remover(std::string path, dev_t device)
      : path_(std::move(path)), device_(device) {}

  // Removes all that is below `root`.
  absl::Status Run(UniqueFd root) {
    root_ = root.get();
    RETURN_IF_ERROR(Enter(std::move(root), ""));
    while (!levels_.empty()) {
      errno = 0;
      dirent* entry = readdir(levels_.back().dir.get());
      if (entry != nullptr) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") RETURN_IF_ERROR(RemoveEntry(name));
      } else if (errno != 0) {
        return ErrnoStatus(absl::StrCat("read ", PathOf("")));
      } else {
        RETURN_IF_ERROR(Leave());
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Level {
    std::unique_ptr<DIR, CloseDir> dir;
    std::string name;  // in the level above
  };

  std::string PathOf(const std::string& name) const {
    std::string path = path_;
    for (const Level& level : levels_) path = JoinPath(path, level.name);
    return JoinPath(path, name);
  }

  absl::Status Enter(UniqueFd fd, const std::string& name) {
    std::unique_ptr<DIR, CloseDir> dir(fdopendir(fd.get()));
    if (dir == nullptr) {
      return ErrnoStatus(absl::StrCat("read ", PathOf(name)));
    }
    fd.release();  // owned by `dir` from here on
    levels_.push_back({std::move(dir), name});
    return absl::OkStatus();
  }

  absl::Status Leave() {
    if (levels_.size() == 1 && moved_) {
      // Once more, for what was moved here while it was being read.
      moved_ = false;
      rewinddir(levels_.back().dir.get());
      return absl::OkStatus();
    }
    const std::string name = levels_.back().name;
    levels_.pop_back();
    if (levels_.empty()) return absl::OkStatus();
    if (unlinkat(dirfd(levels_.back().dir.get()), name.c_str(), AT_REMOVEDIR) !=
            0 &&
        errno != ENOENT) {
      return ErrnoStatus(absl::StrCat("rmdir ", PathOf(name)));
    }
    return absl::OkStatus();
  }

  absl::Status RemoveEntry(const std::string& name) {
    const int parent = dirfd(levels_.back().dir.get());
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
      return absl::OkStatus();
    }
    const int refused = errno;
    if (refused != EISDIR && refused != EPERM) {
      return ErrnoStatus(absl::StrCat("remove ", PathOf(name)));
    }
    UniqueFd below(openat(parent, name.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.ok() && errno == ENOTDIR) {  // a file that is immutable
      return ErrnoStatus(refused, absl::StrCat("remove ", PathOf(name)));
    }
    if (!below.ok()) return ErrnoStatus(absl::StrCat("open ", PathOf(name)));
    struct stat st;
    if (fstat(below.get(), &st) != 0) {
      return ErrnoStatus(absl::StrCat("stat ", PathOf(name)));
    }
    if (st.st_dev != device_) {
      return absl::FailedPreconditionError(absl::StrCat(
          "remove ", PathOf(name), ": another filesystem is mounted here"));
    }
    if (levels_.size() < kMostLevels) return Enter(std::move(below), name);
    return MoveUp(parent, name);
  }

  // To the root, under a name that is free there.
  absl::Status MoveUp(int parent, const std::string& name) {
    while (true) {
      const std::string aside = absl::StrCat(".deep-", ++serial_);
      if (renameat2(parent, name.c_str(), root_, aside.c_str(),
                    RENAME_NOREPLACE) == 0) {
        moved_ = true;
        return absl::OkStatus();
      }
      if (errno != EEXIST) {
        return ErrnoStatus(absl::StrCat("move ", PathOf(name), " to ", path_));
      }
    }
  }

  const std::string path_;
  const dev_t device_;
  int root_ = -1;
  std::vector<Level> levels_;
  bool moved_ = false;  // something, since the root was read from its start
  int64_t serial_ = 0;
};

}  // namespace

absl::Status RemoveTree(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(absl::StrCat("stat ", path));
  }
  if (!S_ISDIR(st.st_mode)) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(absl::StrCat("remove ", path));
    }
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(UniqueFd dir,
                   OpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RETURN_IF_ERROR(Remover(path, st.st_dev).Run(std::move(dir)));
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("rmdir ", path));
  }
  return absl::OkStatus();
}

}  // namespace runtime
