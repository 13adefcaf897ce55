// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/builtin.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/unit/runtime/handler/builtin_fixture.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tests::IsOk;
using ::tests::StatusIs;

TEST_F(BuiltinHandlerTest, RunsAContainerToItsEnd) {
  StartSandbox("s");
  auto created = Create("s", "c", "echo out; echo err >&2; exit 3");
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->phase, ContainerPhase::kCreated);
  EXPECT_GT(created->pid, 0);
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  ContainerState exited = news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_LE(exited.created_at, exited.started_at);
  EXPECT_LE(exited.started_at, exited.finished_at);
  EXPECT_THAT(Log("c"),
              ::testing::UnorderedElementsAre("stdout F out", "stderr F err"));
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_THAT(handler_->GetContainer("s", "c"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BuiltinHandlerTest, TellsSignalAs128PlusNumber) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  EXPECT_THAT(handler_->KillContainer("s", "c", SIGTERM, false), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 143);
  EXPECT_THAT(handler_->KillContainer("s", "c", SIGTERM, false), IsOk());
  EXPECT_THAT(handler_->KillContainer("s", "unknown", 9, true), IsOk());
}

TEST_F(BuiltinHandlerTest, ACommandThatDoesNotExistExits128WithTheReason) {
  StartSandbox("s");
  ASSERT_THAT(Create("s", "c", "no such command"), IsOk());
  EXPECT_THAT(handler_->StartContainer("s", "c"),
              StatusIs(absl::StatusCode::kUnknown,
                       HasSubstr("exec /nope: No such file")));
  auto state = handler_->GetContainer("s", "c");
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->phase, ContainerPhase::kExited);
  EXPECT_EQ(state->exit_code, 128);
  EXPECT_THAT(state->message, HasSubstr("exec /nope"));
}

TEST_F(BuiltinHandlerTest, ASetUpThatCrashesIsAnErrorAndLeavesNothing) {
  StartSandbox("s");
  EXPECT_THAT(
      Create("s", "c", "crash"),
      StatusIs(absl::StatusCode::kUnknown, HasSubstr("ended unexpectedly")));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
}

TEST_F(BuiltinHandlerTest, ARepeatedCallJoinsTheFirst) {
  SandboxState first = StartSandbox("s");
  SandboxState second = StartSandbox("s");
  EXPECT_EQ(first.holder_pid, second.holder_pid);
  auto created = Create("s", "c", "exec sleep 1000");
  auto again = Create("s", "c", "exec sleep 1000");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(created->pid, again->pid);
  EXPECT_EQ(Run("s", "c", "exec sleep 1000").pid, created->pid);
}

TEST_F(BuiltinHandlerTest, AScopeThatCannotBeMadeLeavesNothing) {
  SandboxOptions options;
  options.id = "s";
  options.slice = "no slice";
  EXPECT_THAT(
      handler_->StartSandbox(options),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no slice")));
  EXPECT_THAT(*ListDir(dir_ + "/state/pods"), IsEmpty());
  Restart();
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(BuiltinHandlerTest, ExecGivesOutputAndExitCode) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto result = handler_->ExecSync(
      "s", "c", {.args = {"/bin/sh", "-c", "echo out; echo err >&2; exit 5"}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 5);
  EXPECT_EQ(result->standard_output, "out\n");
  EXPECT_EQ(result->standard_error, "err\n");
  EXPECT_THAT(handler_->ExecSync("s", "c", {.args = {"/nope"}}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("exec /nope")));
  EXPECT_THAT(handler_->ExecSync("s", "x", {.args = {"/bin/true"}}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BuiltinHandlerTest, ExecOverItsTimeDiesWithItsTree) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  std::string pids = dir_ + "/pids";
  std::string script =
      absl::StrCat("echo $$ >> ", pids, "; sleep 999 & echo $! >> ", pids,
                   "; sh -c 'echo $$ >> ", pids, "; setsid sleep 998' & wait");
  auto result = handler_->ExecSync(
      "s", "c",
      {.args = {"/bin/sh", "-c", script}, .timeout = absl::Milliseconds(500)});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  auto written = ReadFile(pids);
  ASSERT_THAT(written, IsOk());
  int count = 0;
  for (absl::string_view line :
       absl::StrSplit(*written, '\n', absl::SkipEmpty())) {
    pid_t pid = atoi(std::string(line).c_str());
    // Killed, or a zombie that waits for its reaper.
    auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
    EXPECT_TRUE(!stat.ok() || absl::StrContains(*stat, ") Z ")) << pid;
    ++count;
  }
  EXPECT_EQ(count, 3);
}

TEST_F(BuiltinHandlerTest, ExecThatNobodyWaitsForDiesWithItsTree) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  // The command itself says that it is under way.
  const std::string fifo = dir_ + "/begun";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  UniqueFd begun(open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(begun.ok());
  const std::string script =
      absl::StrCat("sleep 997 & echo $! > ", fifo, "; wait");
  auto result = handler_->ExecSync("s", "c",
                                   {.args = {"/bin/sh", "-c", script},
                                    .timeout = absl::Minutes(1),
                                    .cancelled_fd = begun.get()});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled));
  char text[32] = {};
  ASSERT_GT(read(begun.get(), text, sizeof text - 1), 0);
  auto stat = ReadFile(absl::StrCat("/proc/", atoi(text), "/stat"));
  EXPECT_TRUE(!stat.ok() || absl::StrContains(*stat, ") Z ")) << text;
}

TEST_F(BuiltinHandlerTest, ExecDoesNotWaitForWhoKeepsThePipe) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  absl::Time start = absl::Now();
  auto result = handler_->ExecSync(
      "s", "c", {.args = {"/bin/sh", "-c", "sleep 3 & echo done"}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->standard_output, "done\n");
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

TEST_F(BuiltinHandlerTest, Cve2022_31030_ExecOutputIsCapped) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto result = handler_->ExecSync(
      "s", "c",
      {.args = {"/bin/sh", "-c", "head -c 5000000 /dev/zero; echo end >&2"},
       .max_output_bytes = 100000});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->standard_output.size(), 100000u);
  EXPECT_EQ(result->standard_error, "end\n");
}

TEST_F(BuiltinHandlerTest, ReopenMovesTheLogWithoutLosingALine) {
  StartSandbox("s");
  std::string go = dir_ + "/go";
  Run("s", "c",
      absl::StrCat("echo one; while ! [ -e ", go,
                   " ]; do sleep 0.01; done; echo two"));
  while (Log("c").empty()) absl::SleepFor(absl::Milliseconds(1));
  std::string rotated = LogPath("c") + ".1";
  ASSERT_EQ(rename(LogPath("c").c_str(), rotated.c_str()), 0);
  ASSERT_THAT(handler_->ReopenLog("s", "c"), IsOk());
  EXPECT_TRUE(Exists(LogPath("c")));
  std::ofstream(go).put('x');
  news_->Await("c", ContainerPhase::kExited);
  EXPECT_THAT(Log("c"), ::testing::ElementsAre("stdout F two"));
  EXPECT_THAT(ReadFile(rotated).value_or(""), HasSubstr("stdout F one\n"));
  EXPECT_THAT(handler_->ReopenLog("s", "c"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(BuiltinHandlerTest, TheHolderKeepsTheLimitOfALog) {
  StartSandbox("s");
  const std::string script = "for i in 1 2 3 4 5 6 7; do echo line $i; done";
  log_cap_ = 3 * 47;  // of three lines
  Run("s", "c", script);
  log_cap_ = 0;
  Run("s", "free", script);
  for (const char* id : {"c", "free"}) {
    news_->Await(id, ContainerPhase::kExited);
  }
  EXPECT_THAT(Log("c"), ::testing::ElementsAre("stdout F line 7"));
  EXPECT_THAT(Log("free"), ::testing::SizeIs(7));
}

TEST_F(BuiltinHandlerTest, NetworkNamespaceIsTheHolders) {
  SandboxState sandbox = StartSandbox("s");
  auto fd = handler_->NetworkNamespace("s");
  ASSERT_THAT(fd, IsOk());
  struct stat given, real;
  ASSERT_EQ(fstat(fd->get(), &given), 0);
  ASSERT_EQ(stat(absl::StrCat("/proc/", sandbox.holder_pid, "/ns/net").c_str(),
                 &real),
            0);
  EXPECT_EQ(given.st_ino, real.st_ino);
  ASSERT_EQ(stat("/proc/self/ns/net", &real), 0);
  EXPECT_NE(given.st_ino, real.st_ino);
}

TEST_F(BuiltinHandlerTest, UnknownThingsAreGoneAlready) {
  EXPECT_THAT(handler_->RemoveSandbox("none"), IsOk());
  EXPECT_THAT(handler_->RemoveSandbox("../etc"), IsOk());
  EXPECT_THAT(handler_->RemoveContainer("none", "c"), IsOk());
  EXPECT_THAT(handler_->NetworkNamespace("none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BuiltinHandlerTest, TwentySandboxesAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) sandboxes_.push_back(absl::StrCat("s", i));
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([this, i] {
      SandboxOptions options;
      options.id = absl::StrCat("s", i);
      ASSERT_THAT(handler_->StartSandbox(options), IsOk());
      Run(options.id, absl::StrCat("c", i), absl::StrCat("exit ", i));
      EXPECT_EQ(
          news_->Await(absl::StrCat("c", i), ContainerPhase::kExited).exit_code,
          i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace runtime
