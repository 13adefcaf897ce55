// SPDX-License-Identifier: Apache-2.0
// Streaming exec and attach against hostile containers and clients.
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/component/hold/stream_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using StreamSecurityTest = StreamTest;

// Nothing of the runtime's can be traced by the container while an exec is on
// its way: neither the set-up, which is in its namespaces, nor what it clones.
TEST_F(StreamSecurityTest, Cve2016_9962_AnExecIsNotOpenToTheContainer) {
  Start(
      "while :; do for p in /proc/[0-9]*; do "
      "ls $p/fd $p/root/ > /dev/null && read n < $p/comm && case $n in "
      "coracle*) echo leaked $n;; sleep) echo seen;; esac; done; done "
      "2> /dev/null");
  auto finds = Attach({.out = true});
  ASSERT_NE(finds, nullptr);
  for (int i = 0; i < 20; ++i) {
    auto talk = Exec("exec sleep 77", i % 2 == 0);
    ASSERT_NE(talk, nullptr);
    finds->ReadUntil("seen\n");
  }
  EXPECT_THAT(Log("c"), Not(HasSubstr("leaked")));
}

TEST_F(StreamSecurityTest, Cve2024_21626_OnlyItsOwnDescriptorsArrive) {
  Start("exec sleep 1000");
  auto talk = Exec("exec ls -l /proc/self/fd /proc/self/cwd");
  ASSERT_NE(talk, nullptr);
  const std::string text = talk->ReadAll();
  // 0–2 and the directory that ls reads.
  EXPECT_THAT(text, AllOf(HasSubstr("2 -> pipe:"), HasSubstr("cwd -> /\n"),
                          HasSubstr("3 -> /proc/"), Not(HasSubstr("4 ->"))));
}

// The container turns its working directory into a link to whatever descriptor
// an exec might bring along.
TEST_F(StreamSecurityTest, Cve2024_21626_WorkdirIsALinkToADescriptor) {
  StartSandbox("s");
  runtime::Json config = TerminalConfig("exec sleep 1000", false);
  config["process"]["cwd"] = "/work";
  ASSERT_THAT(Create("s", "c", config), IsOk());
  auto state = handler_->StartContainer("s", "c");
  ASSERT_THAT(state, IsOk());
  const std::string work = absl::StrCat("/proc/", state->pid, "/root/work");
  ASSERT_EQ(rmdir(work.c_str()), 0);
  for (int fd = 3; fd < 41; ++fd) {
    const std::string target = absl::StrCat("/proc/self/fd/", fd);
    ASSERT_EQ(symlink(target.c_str(), work.c_str()), 0);
    auto talk = Exec("cat ../../../../../../etc/hostname; ls -d /dev/pts");
    ASSERT_NE(talk, nullptr);
    EXPECT_THAT(talk->Outcome(), Not(IsOk())) << target;
    EXPECT_EQ(talk->ReadAll(), "") << target;
    ASSERT_EQ(unlink(work.c_str()), 0);
  }
}

TEST_F(StreamSecurityTest, Cve2025_52565_TheTerminalIsTheContainersOwn) {
  Start("exec sleep 1000");
  auto talk =
      Exec("ls -l /proc/self/fd; ls /dev/pts; [ -t 2 ] && echo end", kTty);
  ASSERT_NE(talk, nullptr);
  const std::string text = talk->ReadUntil("end\r\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("0 -> /dev/pts/0"), HasSubstr("2 -> /dev/pts/0"),
                    Not(HasSubstr("4 ->")), HasSubstr("ptmx")));
  EXPECT_THAT(talk->Outcome(), IsOkAndHolds(0));
}

TEST_F(StreamSecurityTest, Cve2025_52565_WhatIsNoDevptsGivesNoTerminal) {
  StartSandbox("s");
  // No devpts: the container makes what looks like one.
  ASSERT_THAT(Create("s", "c",
                     Config("c",
                            "while read x; do rm -rf /dev/pts; mkdir /dev/pts; "
                            "ln -s $x /dev/pts/ptmx; echo $x; done"),
                     runtime::ContainerOptions{.stdin_open = true}),
              IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  auto talk = Attach({.in = true, .out = true});
  ASSERT_NE(talk, nullptr);
  for (const std::string target : {"/dev/null", "/proc/self/fd/3", "/nope"}) {
    talk->Write(target + "\n");
    talk->ReadUntil(target);
    EXPECT_THAT(
        handler_->Exec("s", "c",
                       {.args = {"/bin/true"}, .tty = true, .out = true}),
        Not(IsOk()))
        << target;
  }
}

TEST_F(StreamSecurityTest, Cve2022_23471_AThousandHalfOpenClientsDoNotGrowIt) {
  Start("exec sleep 1000", {.stdin_open = true});
  const pid_t holder = handler_->StartSandbox({.id = "s"}).value().holder_pid;
  const int64_t before = PrivateMemory(holder);
  std::vector<std::unique_ptr<runtime::StreamSession>> sessions;
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    auto session =
        handler_->Attach("s", "c", {.in = true, .out = true, .err = true});
    if (session.ok()) {
      sessions.push_back(std::move(*session));
    } else {
      EXPECT_THAT(session, StatusIs(absl::StatusCode::kResourceExhausted));
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1000 - 64);
  sessions.clear();
  // Afterwards there is room again, and nothing is left of them.
  auto talk = Attach({.in = true, .out = true, .err = true});
  ASSERT_NE(talk, nullptr);
  talk->Drop();
  EXPECT_LT(PrivateMemory(holder), before + 100);
  auto fds = runtime::ListDir(absl::StrCat("/proc/", holder, "/fd"));
  ASSERT_THAT(fds, IsOk());
  EXPECT_LT(fds->size(), 40u);
}

}  // namespace
}  // namespace tests
