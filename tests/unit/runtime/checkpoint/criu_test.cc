// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint/criu.h"

#include <sys/stat.h>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::tests::StatusIs;

// A criu in a directory of its own that answers as a test says.
class FindCriuTest : public ::testing::Test {
 protected:
  FindCriuTest() {
    EXPECT_OK(WriteFileAtomic(dir_ / "criu", "", 0755));
    version_.out = "Version: 3.17.1\n";
  }
  absl::StatusOr<Criu> Find() {
    return FindCriu(
        [this](const std::vector<std::string>& args) -> absl::StatusOr<Output> {
          EXPECT_EQ(args[0], dir_ / "criu");
          asked_.push_back(absl::StrJoin(args.begin() + 1, args.end(), " "));
          if (args[1] == "--version") return version_;
          return args.size() > 2 ? feature_ : check_;
        },
        "/nowhere:" + dir_.path());
  }

  tests::TempDir dir_;
  Output version_, check_, feature_;
  std::vector<std::string> asked_;
};

TEST_F(FindCriuTest, OneThatWorks) {
  ASSERT_OK_AND_ASSIGN(const Criu criu, Find());
  EXPECT_EQ(criu.path, dir_ / "criu");
  EXPECT_EQ(criu.version, "3.17.1");
  EXPECT_TRUE(criu.nftables);
  EXPECT_THAT(asked_, ElementsAre("--version", "check",
                                  "check --feature network_lock_nftables"));
}

TEST_F(FindCriuTest, OneThatIsOlderLocksByIptables) {
  feature_.code = 1;
  ASSERT_OK_AND_ASSIGN(const Criu criu, Find());
  EXPECT_FALSE(criu.nftables);
}

TEST_F(FindCriuTest, AKernelThatItDoesNotKnowIsNamedWithTheReason) {
  check_.code = 1;
  check_.err =
      "Warn  (criu/kerndat.c:1): something\n"
      "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds\n"
      "Error (criu/crtools.c:260): Could not initialize kernel features.\n";
  EXPECT_THAT(Find().status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("CRIU 3.17.1"), HasSubstr("Linux "),
                             HasSubstr("vdso: Unexpected rt vDSO area bounds"),
                             HasSubstr("newer criu"))));
}

TEST_F(FindCriuTest, NoneSaysHowToGetIt) {
  ASSERT_OK(RemoveTree(dir_ / "criu"));
  EXPECT_THAT(Find().status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("no criu in /nowhere:"),
                             HasSubstr("install the package criu"))));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(FindCriuTest, WhatIsNoProgramDoesNotCount) {
  ASSERT_EQ(chmod((dir_ / "criu").c_str(), 0644), 0);
  EXPECT_THAT(Find().status(), StatusIs(absl::StatusCode::kUnimplemented));
}

Dump SomeDump() {
  Dump dump;
  dump.pid = 4711;
  dump.images_dir = "/c/checkpoint";
  dump.work_dir = "/c/work";
  dump.script = "/c/work/script";
  return dump;
}

std::string Line(const Dump& dump, const Criu& criu = {"/criu", "3", true}) {
  return absl::StrJoin(DumpCommand(criu, dump, 4096), " ");
}

TEST(DumpCommandTest, LeavesTheContainerRunning) {
  EXPECT_THAT(Line(SomeDump()),
              AllOf(HasSubstr("/criu dump --leave-running --tree 4711 "),
                    HasSubstr("--images-dir /c/checkpoint"),
                    HasSubstr("--work-dir /c/work"),
                    HasSubstr("--action-script /c/work/script"),
                    HasSubstr("--network-lock nftables"),
                    Not(HasSubstr("--shell-job")), Not(HasSubstr("--freeze")),
                    Not(HasSubstr("net[")), Not(HasSubstr("pid["))));
}

TEST(DumpCommandTest, NamesWhatIsNotTheContainersOwn) {
  Dump dump = SomeDump();
  dump.network_namespace = 40265;
  dump.pid_namespace = 40266;
  dump.freezer = "/sys/fs/cgroup/pod/c";
  dump.bind_targets = {"/data", "/etc/hosts"};
  EXPECT_THAT(DumpCommand({"/criu", "3", false}, dump, 4096),
              AllOf(IsSupersetOf({std::string("net[40265]:extRootNetNS"),
                                  std::string("pid[40266]:extRootPidNS"),
                                  std::string("mnt[/data]:/data"),
                                  std::string("mnt[/etc/hosts]:/etc/hosts"),
                                  std::string("mnt[]:ms"),
                                  std::string("--freeze-cgroup"),
                                  std::string("/sys/fs/cgroup/pod/c")}),
                    Not(Contains("--network-lock"))));
}

TEST(DumpCommandTest, ATerminalsOtherEndIsOutside) {
  Dump dump = SomeDump();
  dump.tty = true;
  EXPECT_THAT(Line(dump), AllOf(HasSubstr("--shell-job"),
                                HasSubstr("mnt[/dev/console]:console")));
}

TEST(DumpCommandTest, MoreBindsThanAMessageHoldsAreLeftToCriu) {
  Dump dump = SomeDump();
  for (int i = 0; i < 1000; ++i) {
    dump.bind_targets.push_back("/a/rather/long/path/" + std::to_string(i));
  }
  const std::string line = Line(dump);
  EXPECT_LT(line.size(), 4096u);
  EXPECT_THAT(line, HasSubstr("mnt[/a/rather/long/path/0]:"));
}

TEST(DumpCommandTest, ATargetThatWouldEndItsOptionIsLeftToCriu) {
  Dump dump = SomeDump();
  dump.bind_targets = {"/odd]:/name"};
  EXPECT_THAT(Line(dump), Not(HasSubstr("odd")));
}

TEST(CriuErrorTest, IsToldWithoutTimeAndPlace) {
  const char kLog[] =
      "(00.1) mnt: fine\n"
      "(00.2) Error (criu/util.c:642): exited, status=1\n"
      "(00.3) Error (criu/filesystems.c:426): Can't dump tmpfs content\n"
      "(00.4) Unseizing 199 into 1\n"
      "(00.4) Error (criu/cr-dump.c:2053): Dumping FAILED.\n";
  EXPECT_EQ(FirstError(kLog), "exited, status=1");
  EXPECT_EQ(LastError(kLog), "Can't dump tmpfs content");
  EXPECT_EQ(LastError("all is well\n"), "");
  EXPECT_EQ(LastError("Error (cut off"), "");
}

}  // namespace
}  // namespace runtime::checkpoint
