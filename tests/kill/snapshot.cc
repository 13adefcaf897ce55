// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/snapshot.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"

namespace tests::kill {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Seconds(10);
// In the counter's command line (main.cc), and in those of its children.
constexpr char kForks[] = "usleep";

// Things come and go while this runs; what goes is not there.
void AddFiles(const std::string& top, Snapshot* lines) {
  std::error_code error;
  fs::recursive_directory_iterator at(top, error), end;
  while (!error && at != end) {
    const std::string path = at->path().string();
    const std::string name = at->path().filename().string();
    if (name == "fs" || name == "seccomp") at.disable_recursion_pending();
    if (name != "seccomp") lines->insert("file " + path);
    at.increment(error);
  }
}

void AddMounts(Snapshot* lines) {
  const std::string text =
      runtime::ReadFile("/proc/self/mountinfo").value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (words.size() > 4) lines->insert(absl::StrCat("mount ", words[4]));
  }
}

void AddProcesses(const std::string& cgroup, Snapshot* lines) {
  const std::string text =
      runtime::ReadFile(cgroup + "/cgroup.procs").value_or("");
  for (absl::string_view pid : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::string command =
        runtime::ReadFile(absl::StrCat("/proc/", pid, "/cmdline")).value_or("");
    std::replace(command.begin(), command.end(), '\0', ' ');
    // Ending, or of the counter, which comes and goes as it forks.
    if (command.empty() || absl::StrContains(command, kForks)) continue;
    lines->insert(absl::StrCat("process ", command.substr(0, 90)));
  }
}

void AddCgroups(Snapshot* lines) {
  const std::string top = "/sys/fs/cgroup";
  std::error_code error;
  fs::recursive_directory_iterator at(top, error), end;
  const bool v1 = runtime::Exists(top + "/pids");
  if (!v1) AddProcesses(top, lines);
  while (!error && at != end) {
    std::error_code unused;
    if (at->is_directory(unused)) {
      const std::string path = at->path().string();
      // All pods' parent may stay or go.
      if (!absl::EndsWith(path, "/coracle")) lines->insert("cgroup " + path);
      if (!v1 || absl::StartsWith(path, top + "/pids")) {
        AddProcesses(path, lines);
      }
    }
    at.increment(error);
  }
}

void AddLinks(Snapshot* lines) {
  for (const std::string& name : runtime::ListDir("/sys/class/net")
                                     .value_or(std::vector<std::string>())) {
    lines->insert("link " + name);
  }
}

}  // namespace

Snapshot Take(const std::string& root, const std::string& state) {
  Snapshot lines;
  AddFiles(root, &lines);
  AddFiles(state, &lines);
  AddMounts(&lines);
  AddCgroups(&lines);
  AddLinks(&lines);
  return lines;
}

std::string AwaitSame(const Snapshot& before, const std::string& root,
                      const std::string& state) {
  const absl::Time end = absl::Now() + kPatience;
  while (true) {
    const Snapshot now = Take(root, state);
    if (now == before) return "";
    if (absl::Now() > end) {
      std::vector<std::string> more, less;
      std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                          std::back_inserter(more));
      std::set_difference(before.begin(), before.end(), now.begin(), now.end(),
                          std::back_inserter(less));
      std::string text;
      for (const std::string& line : more)
        absl::StrAppend(&text, "+", line, "\n");
      for (const std::string& line : less)
        absl::StrAppend(&text, "-", line, "\n");
      return text;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace tests::kill
