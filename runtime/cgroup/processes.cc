// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/processes.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/cgroup/meter_parse.h"

namespace runtime::cgroup {
namespace {

constexpr int kMostDepth = 32;

// A directory's links are itself, its name, and one of each directory in it;
// file systems that do not count say 1.
bool HasDirectories(const std::string& directory) {
  struct stat info {};
  return stat(directory.c_str(), &info) == 0 && info.st_nlink != 2;
}

void AddBelow(const std::string& directory, int depth,
              std::vector<pid_t>& out) {
  if (depth == kMostDepth || !HasDirectories(directory)) return;
  absl::StatusOr<std::vector<std::string>> names = ListDir(directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string child = absl::StrCat(directory, "/", name);
    struct stat info {};
    if (lstat(child.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    // Threaded ones do not tell: their processes are those of one above.
    absl::StatusOr<std::string> text = ReadFile(child + "/cgroup.procs");
    if (text.ok()) {
      const std::vector<pid_t> own = ParsePids(*text);
      out.insert(out.end(), own.begin(), own.end());
    }
    AddBelow(child, depth + 1, out);
  }
}

}  // namespace

void AddProcessesBelow(const std::string& directory, std::vector<pid_t>& out) {
  AddBelow(directory, 0, out);
}

}  // namespace runtime::cgroup
