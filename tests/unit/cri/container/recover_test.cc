// SPDX-License-Identifier: Apache-2.0
// What a daemon finds again of the containers of the one before it.
#include <optional>

#include "cri/sandbox/record_file.h"
#include "tests/unit/cri/container/containers_fixture.h"

namespace cri::container {
namespace {

// kill -9 of the daemon in StopPodSandbox, after NOTREADY was written: the
// holder still lives and knows the exit code.
TEST_F(ContainersTest, ExitCodesAreKeptWhenAStopWasCutShort) {
  ContainerPtr container = Running();
  network_.teardown_error = absl::UnavailableError("cut short");
  sandbox_->Close();
  EXPECT_FALSE(sandboxes_->TearDown(sandbox_).ok());
  handler_->SetListener(nullptr);
  handler_->Exit(container->id, 7);
  Restart();
  EXPECT_FALSE(sandbox_->IsReady());
  EXPECT_EQ(network_.Leases().size(), 1u);
  ASSERT_OK_AND_ASSIGN(container, containers_->Find(container->id));
  EXPECT_EQ(ToStatus(*container).exit_code(), 7);
  EXPECT_EQ(ToStatus(*container).reason(), "Error");
}

TEST_F(ContainersTest, RestartFindsTheSameState) {
  ContainerPtr container = Running();
  Events();
  const std::string before = ToStatus(*container).DebugString();
  Restart();
  ASSERT_OK_AND_ASSIGN(ContainerPtr found, containers_->Find(container->id));
  EXPECT_EQ(ToStatus(*found).DebugString(), before);
}

// A holder that is stopped or busy is not dead, and neither is what it holds.
TEST_F(ContainersTest, APodWhoseHolderIsSilentAtTheStartGoesOn) {
  ContainerPtr container = Running();
  Events();
  const int holder = sandbox_->holder_pid;
  handler_->SetListener(nullptr);
  world_.silent = true;
  Restart();
  EXPECT_TRUE(sandbox_->IsReady());
  EXPECT_EQ(sandbox_->holder_pid, holder);
  ASSERT_OK_AND_ASSIGN(container, containers_->Find(container->id));
  EXPECT_EQ(ToStatus(*container).state(), v1::CONTAINER_RUNNING);
  handler_->Exit(container->id, 7);
  EXPECT_EQ(ToStatus(*container).exit_code(), 7);
}

TEST_F(ContainersTest, ExitDuringARestartKeepsItsCode) {
  ContainerPtr container = Running();
  handler_->SetListener(nullptr);
  handler_->Exit(container->id, 7, true);
  Restart();
  ASSERT_OK_AND_ASSIGN(ContainerPtr found, containers_->Find(container->id));
  EXPECT_EQ(ToStatus(*found).exit_code(), 7);
  EXPECT_EQ(ToStatus(*found).reason(), "OOMKilled");
}

TEST_F(ContainersTest, RestartSweepsHalves) {
  const std::string half(64, 'a'), orphan(64, 'b');
  ASSERT_OK(runtime::MakeDirs(dir_ / "containers/" + half + "/upper"));
  ASSERT_OK(images_.Hold("sha256:1", half));
  world_.sandboxes[sandbox_->id].containers[orphan].id = orphan;
  Restart();
  EXPECT_EQ(FilesLeft(), 0u);
  EXPECT_TRUE(images_.Holders().empty());
  EXPECT_TRUE(world_.sandboxes[sandbox_->id].containers.empty());
}

TEST_F(ContainersTest, RestartFreesTheImageOfARemovedContainer) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  ASSERT_OK(images_.Hold("sha256:any", "removed"));
  Restart();
  EXPECT_EQ(images_.Holders(), std::set<std::string>{container->id});
}

// kill -9 of the daemon while it wrote the cgroup's files.
class CutUpdateTest : public ContainersTest {
 protected:
  CutUpdateTest() : id_(Running()->id) {
    v1::LinuxContainerResources wanted;
    wanted.set_cpu_shares(512);
    Events();  // the start's own record is written by now
    Found()->SetWantedResources(wanted);
    EXPECT_OK(sandbox::WriteRecord(Record(), Found()->ToRecord()));
  }
  ContainerPtr Found() { return *containers_->Find(id_); }
  std::string Record() { return dir_ / "containers/" + id_ + ".json"; }
  int64_t Shares() {
    return ToStatus(*Found()).resources().linux().cpu_shares();
  }
  std::string LastUpdate() {
    absl::MutexLock lock(&world_.mutex);
    return world_.updates.empty() ? "" : world_.updates.back().second;
  }

  const std::string id_;
};

TEST_F(CutUpdateTest, IsFinishedByTheNextDaemon) {
  Restart();
  EXPECT_EQ(LastUpdate(), R"({"cpu":{"shares":512}})");
  EXPECT_EQ(Shares(), 512);
  world_.updates.clear();
  Restart();
  EXPECT_EQ(LastUpdate(), "");
  EXPECT_EQ(Shares(), 512);
}

TEST_F(CutUpdateTest, IsTakenBackWhereItIsImpossibleByNow) {
  int calls = 0;
  world_.during_update = [&] {
    world_.update_error = calls++ == 0 ? absl::FailedPreconditionError("in use")
                                       : absl::OkStatus();
  };
  Restart();
  EXPECT_EQ(LastUpdate(), R"({"cpu":{"shares":1024}})");
  EXPECT_EQ(Shares(), 0);
  Restart();
  EXPECT_EQ(calls, 2);
}

TEST_F(CutUpdateTest, IsFinishedByTheNextUpdateWhereTheStartCouldNot) {
  world_.update_error = absl::UnavailableError("no cgroups yet");
  Restart();
  EXPECT_EQ(Shares(), 0);
  v1::LinuxContainerResources change;
  change.set_cpu_quota(5000);
  EXPECT_FALSE(containers_->Update(Found(), change).ok());
  world_.update_error = absl::OkStatus();
  EXPECT_OK(containers_->Update(Found(), change));
  EXPECT_EQ(Shares(), 512);
  EXPECT_EQ(world_.updates.size(), 2u);
}

TEST_F(CutUpdateTest, IsSupersededByAnUpdateThatWorks) {
  int calls = 0;
  world_.during_update = [&] {  // neither to its end nor back, twice
    world_.update_error =
        calls++ < 4 ? absl::InvalidArgumentError("no such") : absl::OkStatus();
  };
  Restart();
  v1::LinuxContainerResources change;
  change.set_cpu_shares(256);
  change.set_memory_limit_in_bytes(100);
  EXPECT_OK(containers_->Update(Found(), change));
  EXPECT_EQ(LastUpdate(), R"({"cpu":{"shares":256},"memory":{"limit":100}})");
  EXPECT_EQ(Shares(), 256);
  Restart();
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(Shares(), 256);
}

TEST_F(CutUpdateTest, StaysWantedWhenWhatSupersedesItFailsToo) {
  world_.update_error =
      absl::InvalidArgumentError("linux.resources.cpu.cpus: none");
  Restart();
  v1::LinuxContainerResources change;
  change.set_cpu_quota(5000);
  const absl::Status refused = containers_->Update(Found(), change);
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_EQ(refused.message(),
            "limits of an update that was cut short have to be set with these: "
            "linux.cpuset_cpus: none");
  world_.update_error = absl::OkStatus();
  Restart();
  EXPECT_EQ(LastUpdate(), R"({"cpu":{"shares":512}})");
  EXPECT_EQ(Shares(), 512);
}

TEST_F(CutUpdateTest, IsForgottenOnceTheContainerHasExited) {
  handler_->Exit(id_, 0);
  Events();
  world_.update_error = absl::NotFoundError("no cgroup");
  Restart();
  world_.update_error = absl::OkStatus();
  Restart();
  EXPECT_EQ(LastUpdate(), "");
}

TEST_F(ContainersTest, AFailedUpdateIsNotTriedAgainByTheNextDaemon) {
  ContainerPtr container = Running();
  world_.update_error = absl::FailedPreconditionError("in use");
  v1::LinuxContainerResources change;
  change.set_memory_limit_in_bytes(100);
  EXPECT_FALSE(containers_->Update(container, change).ok());
  world_.update_error = absl::OkStatus();
  Restart();
  EXPECT_TRUE(world_.updates.empty());
}

TEST_F(ContainersTest, ContainerOfADeadHolderIsExitedUnknown) {
  ContainerPtr container = Running();
  Events();
  world_.sandboxes.clear();
  Restart();
  ASSERT_OK_AND_ASSIGN(ContainerPtr found, containers_->Find(container->id));
  EXPECT_EQ(ToStatus(*found).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(ToStatus(*found).reason(), "ContainerStatusUnknown");
  EXPECT_EQ(ToStatus(*found).exit_code(), 255);
}

TEST(LogPathTest, NeedsBothParts) {
  v1::PodSandboxConfig pod;
  v1::ContainerConfig config;
  config.set_log_path("a/0.log");
  EXPECT_EQ(LogPath(pod, config), "");
  pod.set_log_directory("/var/log/pods/x/");
  EXPECT_EQ(LogPath(pod, config), "/var/log/pods/x/a/0.log");
}

}  // namespace
}  // namespace cri::container
