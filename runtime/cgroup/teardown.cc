// SPDX-License-Identifier: Apache-2.0
// What a keeper does with a container's cgroup after its start: signals, OOM
// count, removal.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/cgroup/cgroup.h"

namespace runtime::cgroup {
namespace {

constexpr int kKillRounds = 50;
constexpr int kRemoveRounds = 200;  // of 10 ms

void Pause(long milliseconds) {
  timespec time = {0, milliseconds * 1000000};
  nanosleep(&time, nullptr);
}

// Removes `path` below `dirfd` and all cgroups in it, deepest first. The files
// of a cgroup cannot and need not be removed.
int RemoveAt(int dirfd, const char* path, int depth) {
  if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  // Processes or child cgroups both answer EBUSY.
  if (errno != EBUSY && errno != ENOTEMPTY) return errno;
  if (depth > 32) return ELOOP;
  int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  DIR* dir = fdopendir(fd);
  if (dir == nullptr) {
    int error = errno;
    close(fd);
    return error;
  }
  int result = 0;
  while (dirent* entry = readdir(dir)) {
    absl::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    if (int error = RemoveAt(fd, entry->d_name, depth + 1); error != 0) {
      result = error;
    }
  }
  closedir(dir);
  if (result != 0) return result;
  if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  return errno;
}

// A cgroup stays busy for a moment after its last process was reaped.
int RemovePatiently(const std::string& directory) {
  int error = 0;
  for (int round = 0; round < kRemoveRounds; ++round) {
    error = RemoveAt(AT_FDCWD, directory.c_str(), 0);
    if (error != EBUSY) return error;
    Pause(10);
  }
  return error;
}

int KillAll(const Cgroup& cgroup, int signal) {
  if (signal == SIGKILL) {
    if (const Hierarchy* unified = cgroup.layout().Unified()) {
      std::string file = cgroup.Directory(*unified) + "/cgroup.kill";
      if (WriteFile(file, "1").ok() && cgroup.layout().v2) return 0;
    }
  }
  // Again until no process is seen that was not signalled before: a process
  // may fork between the reading of the list and the signal.
  std::vector<pid_t> last;
  for (int round = 0; round < kKillRounds; ++round) {
    absl::StatusOr<std::vector<pid_t>> pids = cgroup.Pids();
    if (!pids.ok() || pids->empty() || *pids == last) return 0;
    for (pid_t pid : *pids) {
      if (kill(pid, signal) != 0 && errno != ESRCH) return errno;
    }
    if (signal != SIGKILL) return 0;
    last = *std::move(pids);
    Pause(1);
  }
  return 0;
}

int64_t CounterIn(const std::string& file, absl::string_view key) {
  absl::StatusOr<std::string> text = ReadFile(file, 65536);
  if (!text.ok()) return -1;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    int64_t value;
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return -1;
}

}  // namespace

int Remove(const std::string& path) { return RemoveBut(path, ""); }

int RemoveBut(const std::string& path, const std::string& kept) {
  absl::StatusOr<Cgroup> cgroup = Cgroup::At(path);
  if (!cgroup.ok()) return absl::IsNotFound(cgroup.status()) ? 0 : EINVAL;
  if (int error = KillAll(*cgroup, SIGKILL); error != 0) return error;
  int result = 0;
  for (const Hierarchy& hierarchy : cgroup->layout().hierarchies) {
    if (hierarchy.mount_point == kept) continue;
    int error = RemovePatiently(cgroup->Directory(hierarchy));
    if (error != 0) result = error;
  }
  return result;
}

int Kill(const std::string& path, int signal) {
  absl::StatusOr<Cgroup> cgroup = Cgroup::At(path);
  if (!cgroup.ok()) return absl::IsNotFound(cgroup.status()) ? 0 : EINVAL;
  return KillAll(*cgroup, signal);
}

int64_t OomKills(const std::string& path) {
  absl::StatusOr<Cgroup> cgroup = Cgroup::At(path);
  if (!cgroup.ok()) return -1;
  if (cgroup->layout().v2) {
    return CounterIn(
        cgroup->Directory(cgroup->layout().hierarchies[0]) + "/memory.events",
        "oom_kill");
  }
  const Hierarchy* memory = cgroup->layout().Find("memory");
  if (memory == nullptr) return -1;
  return CounterIn(cgroup->Directory(*memory) + "/memory.oom_control",
                   "oom_kill");
}

}  // namespace runtime::cgroup
