// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler with launcher and holders of fake_oci: real processes, real
// sockets, no containers. Needs root.
#include "runtime/handler/builtin.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "tests/support/handler_news.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tests::IsOk;
using ::tests::StatusIs;

class BuiltinHandlerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make namespaces";
    char name[] = "/tmp/r2-handler-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    Restart();
  }
  void TearDown() override {
    if (handler_ == nullptr) return;
    for (const std::string& id : sandboxes_) {
      EXPECT_THAT(handler_->RemoveSandbox(id), IsOk());
    }
    EXPECT_THAT(*ListDir(dir_ + "/state/pods"), IsEmpty());
    handler_.reset();
    EXPECT_THAT(StopLauncher(dir_ + "/state"), IsOk());
    EXPECT_THAT(RemoveTree(dir_), IsOk());
  }

  // A daemon that ends and another that takes over.
  void Restart() {
    handler_.reset();
    news_ = std::make_unique<tests::News>();
    handler_ = MakeBuiltinHandler(
        {.state_dir = dir_ + "/state", .launcher_binary = FAKE_OCI});
    handler_->SetListener(news_->Listener());
    auto found = handler_->Recover();
    ASSERT_THAT(found, IsOk());
    found_ = *found;
  }

  SandboxState StartSandbox(const std::string& id) {
    SandboxOptions options;
    options.id = id;
    options.hostname = "pod";
    sandboxes_.push_back(id);
    auto state = handler_->StartSandbox(options);
    EXPECT_THAT(state, IsOk());
    return state.ok() ? *state : SandboxState();
  }

  absl::StatusOr<ContainerState> Create(const std::string& sandbox,
                                        const std::string& id,
                                        const std::string& script) {
    ContainerOptions options;
    options.sandbox_id = sandbox;
    options.id = id;
    Json config = {{"process", {{"args", {"/bin/sh", "-c", script}}}},
                   {"linux", {{"cgroupsPath", "/r2-none/" + id}}}};
    if (script == "no such command") config["process"]["args"] = {"/nope"};
    if (script == "crash") config["crash"] = true;
    options.oci_config = DumpJson(config);
    options.log_path = LogPath(id);
    return handler_->CreateContainer(options);
  }
  ContainerState Run(const std::string& sandbox, const std::string& id,
                     const std::string& script) {
    EXPECT_THAT(Create(sandbox, id, script), IsOk());
    auto state = handler_->StartContainer(sandbox, id);
    EXPECT_THAT(state, IsOk());
    return state.ok() ? *state : ContainerState();
  }
  std::string LogPath(const std::string& id) {
    return absl::StrCat(dir_, "/log/", id, "/0.log");
  }
  // The log without its times.
  std::vector<std::string> Log(const std::string& id) {
    std::vector<std::string> lines;
    auto data = ReadFile(LogPath(id));
    EXPECT_THAT(data, IsOk());
    for (absl::string_view line :
         absl::StrSplit(data.value_or(""), '\n', absl::SkipEmpty())) {
      EXPECT_GT(line.size(), 31u);
      EXPECT_EQ(line[29], 'Z');
      lines.push_back(std::string(line.substr(31)));
    }
    return lines;
  }

  std::string dir_;
  std::vector<std::string> sandboxes_;
  std::vector<SandboxState> found_;
  std::unique_ptr<tests::News> news_;
  std::unique_ptr<Handler> handler_;
};

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

TEST_F(BuiltinHandlerTest, ANewDaemonFindsRunningAndExitedContainers) {
  SandboxState sandbox = StartSandbox("s");
  ContainerState running = Run("s", "running", "exec sleep 1000");
  Run("s", "exited", "exit 7");
  news_->Await("exited", ContainerPhase::kExited);
  Restart();
  ASSERT_THAT(found_, SizeIs(1));
  EXPECT_EQ(found_[0].holder_pid, sandbox.holder_pid);
  EXPECT_EQ(news_->Await("running", ContainerPhase::kRunning).pid, running.pid);
  EXPECT_EQ(news_->Await("exited", ContainerPhase::kExited).exit_code, 7);
  EXPECT_THAT(handler_->KillContainer("s", "running", SIGKILL, false), IsOk());
  EXPECT_EQ(news_->Await("running", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Count("running"), 2);
}

TEST_F(BuiltinHandlerTest, ADeadHolderEndsItsSandboxWithNews) {
  SandboxState sandbox = StartSandbox("s");
  ContainerState container = Run("s", "c", "exec sleep 1000");
  ASSERT_EQ(kill(sandbox.holder_pid, SIGKILL), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  EXPECT_THAT(handler_->GetContainer("s", "c"),
              StatusIs(absl::StatusCode::kNotFound));
  kill(container.pid, SIGKILL);  // the stand-in has no cgroups to kill
}

// Stopped, or waiting for a slow disk: it is not dead.
TEST_F(BuiltinHandlerTest, ASilentHolderLivesAndTellsLater) {
  const pid_t silent = StartSandbox("silent").holder_pid;
  const pid_t holder = StartSandbox("s").holder_pid;
  const ContainerState container = Run("silent", "c", "exec sleep 1000");
  handler_.reset();
  ASSERT_EQ(kill(silent, SIGSTOP), 0);
  Restart();
  ASSERT_THAT(found_, SizeIs(2));
  for (const SandboxState& found : found_) {
    EXPECT_EQ(found.silent, found.id == "silent");
    EXPECT_EQ(found.holder_pid, found.silent ? 0 : holder);
  }
  EXPECT_EQ(kill(container.pid, 0), 0);
  EXPECT_EQ(news_->Count(""), 0);
  ASSERT_EQ(kill(silent, SIGCONT), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kRunning).pid, container.pid);
  EXPECT_THAT(handler_->KillContainer("silent", "c", SIGKILL, false), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
}

TEST_F(BuiltinHandlerTest, ASilentHolderThatDiesIsLost) {
  const pid_t silent = StartSandbox("s").holder_pid;
  const ContainerState container = Run("s", "c", "exec sleep 1000");
  handler_.reset();
  ASSERT_EQ(kill(silent, SIGSTOP), 0);
  Restart();
  ASSERT_THAT(found_, SizeIs(1));
  ASSERT_EQ(kill(silent, SIGKILL), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  kill(container.pid, SIGKILL);  // the stand-in has no cgroups to kill
}

TEST_F(BuiltinHandlerTest, ADeadHolderIsSweptByTheNextDaemon) {
  SandboxState sandbox = StartSandbox("s");
  ContainerState container = Run("s", "c", "exec sleep 1000");
  handler_.reset();
  ASSERT_EQ(kill(sandbox.holder_pid, SIGKILL), 0);
  Restart();
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_FALSE(Exists(dir_ + "/state/pods/s"));
  kill(container.pid, SIGKILL);
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
