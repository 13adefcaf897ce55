// SPDX-License-Identifier: Apache-2.0
#include "cri/server/task.h"

#include <seccomp.h>
#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"

namespace cri::server {
namespace {

constexpr size_t kMostBytes = 64 << 10;

std::string Text(const std::string& path) {
  const absl::StatusOr<std::string> text = runtime::ReadFile(path, kMostBytes);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

std::string NameOfCall(absl::string_view words) {
  int number = 0;
  const absl::string_view first = words.substr(0, words.find(' '));
  // "running", or "-1 …" outside of any call.
  if (!absl::SimpleAtoi(first, &number) || number < 0) return "";
  const std::unique_ptr<char, decltype(&free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), &free);
  return name == nullptr ? absl::StrCat("system call ", number)
                         : std::string(name.get());
}

// "[<0>] pipe_read+0x2b/0x90\n…": the first function that is not the waiting
// itself.
std::string TopOfStack(absl::string_view stack) {
  for (absl::string_view line : absl::StrSplit(stack, '\n')) {
    const size_t begin = line.find("] ");
    if (begin == absl::string_view::npos) continue;
    line.remove_prefix(begin + 2);
    const absl::string_view name = line.substr(0, line.find('+'));
    if (!absl::StrContains(name, "schedule")) return std::string(name);
  }
  return "";
}

// Two processes run the same program if this is equal and not {0, 0}.
std::pair<dev_t, ino_t> ProgramOf(pid_t process) {
  struct stat st;
  const std::string path = absl::StrCat("/proc/", process, "/exe");
  if (stat(path.c_str(), &st) != 0) return {0, 0};
  return {st.st_dev, st.st_ino};
}

void AddChildren(pid_t process, const std::pair<dev_t, ino_t>& program,
                 std::vector<pid_t>* found) {
  const std::string text =
      Text(absl::StrCat("/proc/", process, "/task/", process, "/children"));
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    pid_t child = 0;
    if (!absl::SimpleAtoi(word, &child) || ProgramOf(child) != program) {
      continue;
    }
    found->push_back(child);
    AddChildren(child, program, found);
  }
}

}  // namespace

Task ReadTask(pid_t process, pid_t thread) {
  Task task;
  task.process = process;
  const std::string dir = absl::StrCat("/proc/", process, "/task/", thread);
  task.command = Text(dir + "/comm");
  task.system_call = NameOfCall(Text(dir + "/syscall"));
  if (task.system_call.empty()) return task;
  task.waits_in = Text(dir + "/wchan");
  if (task.waits_in.empty() || task.waits_in == "0") {
    task.waits_in = TopOfStack(Text(dir + "/stack"));
  }
  return task;
}

std::vector<pid_t> HelpersOf(pid_t process) {
  std::vector<pid_t> found;
  const std::pair<dev_t, ino_t> program = ProgramOf(process);
  if (program.second != 0) AddChildren(process, program, &found);
  return found;
}

std::string Describe(const Task& task) {
  std::string text = absl::StrCat("process ", task.process);
  if (!task.command.empty()) absl::StrAppend(&text, " (", task.command, ")");
  if (task.system_call.empty()) return absl::StrCat(text, " runs");
  absl::StrAppend(&text, " is in ", task.system_call);
  if (!task.waits_in.empty()) absl::StrAppend(&text, ", ", task.waits_in);
  return text;
}

}  // namespace cri::server
