// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/process_tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace runtime::hold {
namespace {

using ::testing::IsEmpty;

// A process that leads a session and starts others as fast as it can.
pid_t StartForking(int most) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setsid();
  for (int i = 0; i < most; ++i) {
    if (fork() == 0) break;
  }
  while (true) pause();
}

// Of its members those that are not dead.
std::vector<std::string> MembersOf(pid_t session) {
  std::vector<std::string> members;
  const auto names = ListDir("/proc");
  EXPECT_TRUE(names.ok());
  if (!names.ok()) return members;
  for (const std::string& name : *names) {
    const auto text = ReadFile(absl::StrCat("/proc/", name, "/stat"));
    if (!text.ok()) continue;
    const std::vector<std::string> fields =
        absl::StrSplit(text->substr(text->rfind(')') + 1), ' ');
    if (fields.size() > 4 && fields[1] != "Z" && fields[1] != "X" &&
        fields[4] == absl::StrCat(session)) {
      members.push_back(*text);
    }
  }
  return members;
}

TEST(ProcessTreeTest, NoneEscapesByForking) {
  for (int round = 0; round < 200; ++round) {
    const pid_t root = StartForking(100);
    // Not a wait for something: the moment of death is what is varied.
    absl::SleepFor(absl::Microseconds(200 + round * 10));
    KillProcessTree(root);
    EXPECT_THAT(MembersOf(root), IsEmpty()) << round;
    waitpid(root, nullptr, 0);
  }
}

}  // namespace
}  // namespace runtime::hold
