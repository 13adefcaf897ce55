// SPDX-License-Identifier: Apache-2.0
// The end of a pod's cgroups, whatever is still in them.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/pod/cgroup.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/unique_fd.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

constexpr int kRounds = 100;
constexpr absl::Duration kPause = absl::Milliseconds(10);

// Of `dir` and the cgroups below it.
void AddPids(const std::string& dir, std::set<pid_t>& pids) {
  const std::string text =
      runtime::ReadFile(dir + "/cgroup.procs").value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    pid_t pid = 0;
    // Those outside of this PID namespace are listed as 0.
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.insert(pid);
  }
  const auto children = ChildCgroups(dir);
  if (!children.ok()) return;
  for (const std::string& child : *children) AddPids(child, pids);
}

std::set<pid_t> PidsOf(const std::string& dir) {
  std::set<pid_t> pids;
  AddPids(dir, pids);
  return pids;
}

// How many there were.
size_t Kill(const std::string& dir) {
  const std::set<pid_t> pids = PidsOf(dir);
  // v2 ends all of them at once, and what they fork.
  if (pids.empty() || runtime::WriteFile(dir + "/cgroup.kill", "1").ok()) {
    return pids.size();
  }
  std::map<pid_t, runtime::UniqueFd> opened;
  for (const pid_t pid : pids) {
    opened[pid].reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  }
  // Who is no more in there has ended, and its PID may be another's.
  const std::set<pid_t> still = PidsOf(dir);
  for (const auto& [pid, fd] : opened) {
    if (!fd.ok() || still.count(pid) == 0) continue;
    (void)syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
  }
  return pids.size();
}

}  // namespace

absl::Status EndPod(Cgroups& cgroups, const std::string& uid) {
  const std::vector<std::string> directories = cgroups.PodDirectories(uid);
  size_t lost = 0;
  for (int round = 0;; ++round) {
    for (const std::string& dir : directories) {
      const size_t killed = Kill(dir);
      if (killed > 0 && lost == 0) {
        log::Warning("pod ", uid, ": ended ", killed,
                     " processes that its runtime lost, in ", dir);
      }
      lost = std::max(lost, killed);
    }
    // Those that a runtime has left; systemd knows only some of them.
    for (const std::string& dir : directories) {
      const auto children = ChildCgroups(dir);
      if (!children.ok()) continue;
      for (const std::string& child : *children) (void)RemoveCgroupTree(child);
    }
    absl::Status removed = cgroups.RemovePod(uid);
    if (removed.ok() || lost == 0 || round == kRounds) return removed;
    absl::SleepFor(kPause);
  }
}

}  // namespace agent::pod
