// SPDX-License-Identifier: Apache-2.0
// What a restart finds and sweeps.
#include "tests/unit/cri/sandbox/sandboxes_fixture.h"

namespace cri::sandbox {
namespace {

TEST_F(SandboxesTest, RestartFindsTheSameState) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr ready, Run(Config("ready")));
  ASSERT_OK_AND_ASSIGN(SandboxPtr stopped, Run(Config("stopped")));
  EXPECT_NE(ToStatus(*stopped).network().ip(), "");
  stopped->Close();
  ASSERT_OK(sandboxes_->TearDown(stopped));
  EXPECT_EQ(ToStatus(*stopped).network().ip(), "") << "it is another's now";
  const std::string before = ToStatus(*ready).SerializeAsString();
  Restart();
  ASSERT_OK_AND_ASSIGN(SandboxPtr found, sandboxes_->Find(ready->id));
  EXPECT_EQ(ToStatus(*found).DebugString(), [&] {
    v1::PodSandboxStatus status;
    status.ParseFromString(before);
    return status.DebugString();
  }());
  ASSERT_OK_AND_ASSIGN(found, sandboxes_->Find(stopped->id));
  EXPECT_FALSE(found->IsReady());
  EXPECT_TRUE(found->IsTornDown());
  EXPECT_EQ(network_.Leases(), std::set<std::string>{ready->id});
}

TEST_F(SandboxesTest, TheNetworkIsToldWhatIsStopping) {
  ASSERT_OK(Run(Config("ready")).status());
  ASSERT_OK_AND_ASSIGN(SandboxPtr stopping, Run(Config("stopping")));
  stopping->Close();
  network_.teardown_error = absl::UnavailableError("cut short");
  EXPECT_FALSE(sandboxes_->TearDown(stopping).ok());
  ASSERT_OK_AND_ASSIGN(SandboxPtr dead, Run(Config("dead")));
  world_.sandboxes.erase(dead->id);
  ASSERT_OK_AND_ASSIGN(SandboxPtr stopped, Run(Config("stopped")));
  network_.teardown_error = absl::OkStatus();
  stopped->Close();
  ASSERT_OK(sandboxes_->TearDown(stopped));
  Restart();
  EXPECT_EQ(network_.Stopping(),
            (std::set<std::string>{stopping->id, dead->id}));
}

TEST_F(SandboxesTest, RestartSweepsHalves) {
  const std::string half(64, 'a'), orphan(64, 'b');
  ASSERT_OK(runtime::MakeDirs(dir_ / "sandboxes/" + half));
  world_.sandboxes[orphan];
  ASSERT_OK(network_.Setup({.sandbox_id = half}).status());
  Restart();
  AwaitSweep();
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_TRUE(network_.Leases().empty());
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(SandboxesTest, CallsDoNotWaitForTheSweep) {
  const std::string half(64, 'a');
  world_.sandboxes[half];
  network_.SetTeardownGate(false);
  Restart();
  network_.AwaitTeardowns(1);
  EXPECT_TRUE(sandboxes_->List().empty());
  EXPECT_OK(Run(Config("a")));
  network_.SetTeardownGate(true);
  AwaitSweep();
  EXPECT_EQ(world_.sandboxes.count(half), 0u);
}

TEST_F(SandboxesTest, AHalfWhoseNetworkCannotBeUndoneKeepsAllUntilItIs) {
  const std::string half(64, 'a');
  ASSERT_OK(runtime::MakeDirs(dir_ / "sandboxes/" + half));
  world_.sandboxes[half];
  network_.teardown_error = absl::UnavailableError("the plugin is gone");
  Restart();
  AwaitSweep();
  EXPECT_EQ(network_.Teardowns(), 1) << "once for a start";
  EXPECT_EQ(world_.sandboxes.size(), 1u);
  EXPECT_EQ(FilesLeft(), 1u);
  network_.teardown_error = absl::OkStatus();
  Restart();
  AwaitSweep();
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(SandboxesTest, AHalfThatCannotBeUndoneIsTriedAgainWithoutARestart) {
  world_.sandboxes[std::string(64, 'a')];
  network_.teardown_error = absl::UnavailableError("the plugin is gone");
  sweep_patience_ = absl::Milliseconds(1);
  Restart();
  network_.AwaitTeardowns(3);
}

TEST_F(SandboxesTest, SandboxWhoseHolderDiedIsNotReady) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  world_.sandboxes.clear();
  Restart();
  ASSERT_OK_AND_ASSIGN(SandboxPtr found, sandboxes_->Find(sandbox->id));
  EXPECT_FALSE(found->IsReady());
  EXPECT_FALSE(found->IsTornDown());
}

}  // namespace
}  // namespace cri::sandbox
