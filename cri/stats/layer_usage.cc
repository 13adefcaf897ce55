// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/layer_usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::stats {
namespace {

// One descriptor for each level.
constexpr int kDeepest = 200;
// Takes about a millisecond when the directories are in memory.
constexpr uint64_t kSmallTree = 1000;
// A walk may take a twentieth of one processor's time.
constexpr absl::Duration kFresh = absl::Seconds(10);
constexpr int kRest = 20;

class Walk {
 public:
  Walk(dev_t device, uint64_t most) : device_(device), most_(most) {}

  // `fd` is given away. False when there were too many entries.
  bool Directory(int fd, int depth) {
    DIR* dir = fdopendir(fd);
    if (dir == nullptr) {
      close(fd);
      return true;
    }
    bool more = true;
    while (more) {
      dirent* entry = readdir(dir);
      if (entry == nullptr) break;
      absl::string_view name = entry->d_name;
      if (name != "." && name != "..") more = Entry(fd, entry->d_name, depth);
    }
    closedir(dir);
    return more;
  }

  void Add(const struct stat& info) {
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) &&
        !seen_.insert(info.st_ino).second) {
      return;
    }
    usage_.bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    ++usage_.inodes;
  }

  const TreeUsage& usage() const { return usage_; }

 private:
  bool Entry(int dir, const char* name, int depth) {
    struct stat info {};
    // What is gone by now, or has something mounted on it, is not counted.
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        info.st_dev != device_) {
      return true;
    }
    if (++entries_ > most_) return false;
    Add(info);
    if (!S_ISDIR(info.st_mode) || depth >= kDeepest) return true;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 || Directory(fd, depth + 1);
  }

  const dev_t device_;
  const uint64_t most_;
  uint64_t entries_ = 0;
  TreeUsage usage_;
  std::set<ino_t> seen_;
};

}  // namespace

absl::StatusOr<TreeUsage> MeasureTree(const std::string& path,
                                      uint64_t most_entries) {
  ASSIGN_OR_RETURN(runtime::UniqueFd root,
                   runtime::OpenFile(path, O_RDONLY | O_DIRECTORY));
  struct stat info {};
  if (fstat(root.get(), &info) != 0)
    return runtime::ErrnoStatus("stat " + path);
  Walk walk(info.st_dev, most_entries);
  walk.Add(info);
  if (!walk.Directory(root.release(), 0)) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " holds more than ", most_entries, " files"));
  }
  return walk.usage();
}

std::optional<LayerUsage::Known> LayerUsage::Get() {
  std::optional<Known> known;
  {
    absl::MutexLock lock(&mutex_);
    known = known_;
    const bool fresh = known.has_value() && absl::Now() - known->at <
                                                std::max(kFresh, took_ * kRest);
    if (walking_ || fresh) return known;
    walking_ = true;
  }
  if (!known.has_value()) {
    const absl::Time begin = absl::Now();
    absl::StatusOr<TreeUsage> usage = MeasureTree(path_, kSmallTree);
    if (!absl::IsResourceExhausted(usage.status())) {
      Keep(usage, begin);
      if (!usage.ok()) return std::nullopt;
      return Known{*usage, begin};
    }
  }
  executor_->Post([self = shared_from_this()] { self->Refresh(); });
  return known;
}

void LayerUsage::Refresh() {
  const absl::Time begin = absl::Now();
  Keep(MeasureTree(path_), begin);
}

void LayerUsage::Keep(const absl::StatusOr<TreeUsage>& usage,
                      absl::Time begin) {
  absl::MutexLock lock(&mutex_);
  walking_ = false;
  if (!usage.ok()) return;  // removed meanwhile: what was known remains
  known_ = Known{*usage, begin};
  took_ = absl::Now() - begin;
}

}  // namespace cri::stats
