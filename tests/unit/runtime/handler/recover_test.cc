// SPDX-License-Identifier: Apache-2.0
// What a daemon finds again of the pods of the one before it, and what it does
// when a holder dies.
#include <thread>

#include "absl/time/clock.h"
#include "tests/unit/runtime/handler/builtin_fixture.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tests::IsOk;
using ::tests::StatusIs;

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
  RestartWhileStopped(silent);
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
  RestartWhileStopped(silent);
  ASSERT_THAT(found_, SizeIs(1));
  ASSERT_EQ(kill(silent, SIGKILL), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  kill(container.pid, SIGKILL);  // the stand-in has no cgroups to kill
}

// Else its pod could never be stopped.
TEST_F(BuiltinHandlerTest, AContainerWhosePlanCannotBeReadCanBeKilled) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  const std::string plan = dir_ + "/state/pods/s/c.plan";
  ASSERT_TRUE(Exists(plan));
  ASSERT_THAT(WriteFile(plan, "cut"), IsOk());
  EXPECT_THAT(handler_->KillContainer("s", "c", SIGKILL, true), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
}

TEST_F(BuiltinHandlerTest, SoCanOneWhosePlanSomebodyElseCouldNotRead) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  const std::string plan = dir_ + "/state/pods/s/c.plan";
  ASSERT_THAT(WriteFile(plan, "cut"), IsOk());
  EXPECT_THAT(handler_->UpdateContainer("s", "c", "{}"),
              StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_FALSE(Exists(plan));
  EXPECT_THAT(handler_->KillContainer("s", "c", SIGKILL, true), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
}

TEST_F(BuiltinHandlerTest, ADaemonThatEndsWaitsForNoHolder) {
  const pid_t silent = StartSandbox("s").holder_pid;
  const ContainerState container = Run("s", "c", "exec sleep 1000");
  ASSERT_EQ(kill(silent, SIGSTOP), 0);
  absl::Status removed;
  std::thread removal([&] { removed = handler_->RemoveContainer("s", "c"); });
  handler_->EndWaits();
  removal.join();
  EXPECT_THAT(removed, StatusIs(absl::StatusCode::kCancelled,
                                HasSubstr("the daemon ends")));
  EXPECT_THAT(handler_->GetContainer("s", "c"),
              StatusIs(absl::StatusCode::kCancelled));
  ASSERT_EQ(kill(silent, SIGCONT), 0);
  Restart();
  ASSERT_THAT(found_, SizeIs(1));
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
}

TEST_F(BuiltinHandlerTest, WhatAnEndingDaemonBeganIsForTheNextOne) {
  const pid_t silent = StartSandbox("s").holder_pid;
  ASSERT_EQ(kill(silent, SIGSTOP), 0);
  absl::Status created;
  std::thread creation(
      [&] { created = Create("s", "c", "exec sleep 1000").status(); });
  const std::string plan = dir_ + "/state/pods/s/c.plan";
  const absl::Time late = absl::Now() + absl::Seconds(20);
  while (!Exists(plan) && absl::Now() < late) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  handler_->EndWaits();
  creation.join();
  EXPECT_THAT(created, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(Exists(plan));
  EXPECT_THAT(Create("s", "d", "exec sleep 1000"),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(Exists(dir_ + "/state/pods/s/d.plan"));
  ASSERT_EQ(kill(silent, SIGCONT), 0);
  Restart();
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_FALSE(Exists(plan));
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

}  // namespace
}  // namespace runtime
