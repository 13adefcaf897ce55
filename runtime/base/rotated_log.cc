// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/rotated_log.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime {
namespace {

struct Entry {
  std::string name;
  struct stat st;

  // The order in which they were written. "0.log" would come before
  // "0.log.2026…", but it is the last.
  auto Key() const {
    return std::tie(st.st_mtim.tv_sec, st.st_mtim.tv_nsec, name);
  }
};

bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// What is at `<directory>/<base>.*`.
absl::StatusOr<std::vector<Entry>> Older(const std::string& directory,
                                         const std::string& base) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(directory));
  std::vector<Entry> found;
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, base + ".") || absl::EndsWith(name, ".gz") ||
        absl::EndsWith(name, ".tmp")) {
      continue;
    }
    Entry entry{name, {}};
    // One that has gone meanwhile is not there.
    if (lstat(absl::StrCat(directory, "/", name).c_str(), &entry.st) == 0 &&
        S_ISREG(entry.st.st_mode)) {
      found.push_back(std::move(entry));
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<LogAfter> FindLogAfter(const std::string& path, int fd) {
  struct stat own, last;
  if (fstat(fd, &own) != 0) return ErrnoStatus(absl::StrCat("stat log ", path));
  if (lstat(path.c_str(), &last) != 0) {
    if (errno == ENOENT) return LogAfter{};
    return ErrnoStatus(absl::StrCat("stat log ", path));
  }
  if (IsSame(own, last)) return LogAfter{};
  const size_t slash = path.rfind('/');
  const std::string directory = path.substr(0, slash);
  ASSIGN_OR_RETURN(const std::vector<Entry> older,
                   Older(directory, path.substr(slash + 1)));
  Entry open{"", own};  // before all of its time if it has no name any more
  for (const Entry& entry : older) {
    if (IsSame(entry.st, own)) open.name = entry.name;
  }
  const Entry* next = nullptr;
  for (const Entry& entry : older) {
    // Not the one at `path`, if that was moved since.
    if (IsSame(entry.st, own) || IsSame(entry.st, last)) continue;
    if (entry.Key() < open.Key()) continue;
    if (next == nullptr || entry.Key() < next->Key()) next = &entry;
  }
  if (next == nullptr) return LogAfter{path, last.st_dev, last.st_ino};
  return LogAfter{absl::StrCat(directory, "/", next->name), next->st.st_dev,
                  next->st.st_ino};
}

}  // namespace runtime
