// SPDX-License-Identifier: Apache-2.0
// Between clone3 and execve a process may only use async-signal-safe calls
// (runtime/base/raw.h). Whether it does is read off its object files.
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace tests::layers {
namespace {

using testing::IsEmpty;
using testing::Not;

// signal-safety(7), and what is a system call and nothing else.
const std::set<std::string>& Safe() {
  static const auto* const kNames = new std::set<std::string>{
      "_Fork", "_exit", "access", "chdir", "clock_gettime", "close", "dup2",
      "dup3", "execve", "fchown", "fcntl", "fsconfig", "fsmount", "fsopen",
      "fstat", "getppid", "getrlimit", "ioctl", "kill", "lseek", "memcpy",
      "memset", "open", "poll", "prctl", "read", "recvmsg", "sendmsg",
      "setgroups", "setresgid", "setresuid", "setrlimit", "setsid", "stat",
      "strchr", "strcpy", "strlen", "strncmp", "strncpy", "syscall", "umask",
      "unshare", "waitpid", "write", "writev", "strerrordesc_np",
      // Of compiler and linker.
      "__errno_location", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"};
  return *kNames;
}

std::string Output(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return text;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    text.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return text;
}

std::vector<std::string> Objects() {
  return absl::StrSplit(RAW_OBJECTS, ':', absl::SkipEmpty());
}

// Names that `object` uses or, with `defined`, has.
std::vector<std::string> Symbols(const std::string& object, bool defined) {
  const char* flag = defined ? "--defined-only" : "--undefined-only";
  return absl::StrSplit(
      Output(absl::StrCat("nm --format=just-symbols ", flag, " ", object)),
      '\n', absl::SkipEmpty());
}

// "__memcpy_chk" → "memcpy": the same with its sizes checked.
std::string WithoutCheck(absl::string_view name) {
  absl::string_view inner = name;
  if (absl::ConsumePrefix(&inner, "__") && absl::ConsumeSuffix(&inner, "_chk"))
    return std::string(inner);
  return std::string(name);
}

bool IsOfASanitizer(const std::string& name) {
  return absl::StartsWith(name, "__asan") || absl::StartsWith(name, "__tsan") ||
         absl::StartsWith(name, "__ubsan");
}

TEST(RawWorldTest, UsesOnlyAsyncSignalSafeCalls) {
  std::set<std::string> own;
  for (const std::string& object : Objects()) {
    for (std::string& name : Symbols(object, true)) own.insert(std::move(name));
  }
  std::vector<std::string> wrong;
  for (const std::string& object : Objects()) {
    const std::vector<std::string> used = Symbols(object, false);
    EXPECT_THAT(used, Not(IsEmpty())) << object;
    for (const std::string& name : used) {
      if (own.count(name) != 0 || IsOfASanitizer(name)) continue;
      if (Safe().count(WithoutCheck(name)) != 0) continue;
      wrong.push_back(absl::StrCat(object, ": ", name));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

// A file of the raw world that nobody looks through would not be safe.
TEST(RawWorldTest, AllItsFilesAreLookedThrough) {
  const std::string objects = RAW_OBJECTS;
  const std::string files =
      Output("cd '" SOURCE_TREE "' && find runtime -name '*_child.cc'");
  ASSERT_THAT(files, Not(IsEmpty()));
  for (absl::string_view file :
       absl::StrSplit(files, '\n', absl::SkipEmpty())) {
    const absl::string_view name = file.substr(file.rfind('/') + 1);
    EXPECT_TRUE(absl::StrContains(objects, absl::StrCat("/", name, ".o")))
        << file;
  }
}

}  // namespace
}  // namespace tests::layers
