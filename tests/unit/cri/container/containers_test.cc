// SPDX-License-Identifier: Apache-2.0
#include "cri/container/containers.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/cri/container/containers_fixture.h"

namespace cri::container {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;
using ::tests::StatusIs;

TEST_F(ContainersTest, AStopWhoseSignalFailedSendsItNextTime) {
  for (const absl::Duration first : {absl::Seconds(60), absl::ZeroDuration()}) {
    ContainerPtr container = Running();
    world_.kill_error = absl::UnavailableError("holder is busy");
    EXPECT_FALSE(containers_->Stop(container, first, kNever).ok());
    world_.kill_error = absl::OkStatus();
    ASSERT_OK(containers_->Stop(container, absl::Seconds(60), kNever));
    EXPECT_THAT(world_.signals, ElementsAre(Pair(container->id, SIGTERM)));
    world_.signals.clear();
    config_.mutable_metadata()->set_attempt(1);
  }
}

TEST_F(ContainersTest, LifeFromCreateToRemove) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  EXPECT_EQ(container->log_path, dir_ / "logs/web/0.log");
  EXPECT_TRUE(runtime::Exists(dir_ / "logs"));
  EXPECT_EQ(images_.Holders(), std::set<std::string>{container->id});
  EXPECT_THAT(world_.created[container->id].lower_dirs,
              ElementsAre("/high", "/low", dir_ / "mountpoints"));
  struct stat info {};
  ASSERT_EQ(stat((dir_ / "mountpoints/etc/hosts").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFREG | 0644u);
  ASSERT_EQ(stat((dir_ / "mountpoints/proc").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFDIR | 0755u);
  ASSERT_OK(containers_->Start(container, kNever));
  EXPECT_EQ(ToStatus(*container).state(), v1::CONTAINER_RUNNING);
  ASSERT_OK(containers_->Stop(container, absl::Seconds(60), kNever));
  EXPECT_EQ(ToStatus(*container).state(), v1::CONTAINER_EXITED);
  EXPECT_THAT(world_.signals, ElementsAre(Pair(container->id, SIGTERM)));
  ASSERT_OK(containers_->Remove(container, kNever));
  EXPECT_THAT(Events(), ElementsAre(Pair("web", v1::CONTAINER_CREATED_EVENT),
                                    Pair("web", v1::CONTAINER_STARTED_EVENT),
                                    Pair("web", v1::CONTAINER_STOPPED_EVENT),
                                    Pair("web", v1::CONTAINER_DELETED_EVENT)));
  EXPECT_EQ(FilesLeft(), 0u);
  EXPECT_TRUE(images_.Holders().empty());
  EXPECT_THAT(containers_->Find(container->id).status(),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ContainersTest, LinkedLogDirectoryIsResolvedForTheHandler) {
  ASSERT_OK(runtime::MakeDirs(dir_ / "disk"));
  ASSERT_EQ(symlink("disk", (dir_ / "logs").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  EXPECT_EQ(container->log_path, dir_ / "logs/web/0.log");
  EXPECT_EQ(world_.created[container->id].log_path, dir_ / "disk/web/0.log");
  EXPECT_EQ(world_.created[container->id].log_cap, 1u << 20);
}

TEST_F(ContainersTest, RepeatedCreateGivesTheSameContainer) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr first, Create());
  ASSERT_OK_AND_ASSIGN(ContainerPtr again, Create());
  EXPECT_EQ(first->id, again->id);
  config_.mutable_metadata()->set_attempt(1);
  ASSERT_OK_AND_ASSIGN(ContainerPtr next, Create());
  EXPECT_NE(first->id, next->id);
}

TEST_F(ContainersTest, StartsOnlyOnce) {
  ContainerPtr container = Running();
  EXPECT_THAT(containers_->Start(container, kNever),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("running already")));
  handler_->Exit(container->id, 0);
  EXPECT_THAT(
      containers_->Start(container, kNever),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has exited")));
}

TEST_F(ContainersTest, FailedStartLeavesAnExitedContainerThatSaysWhy) {
  world_.start_container_error = absl::NotFoundError("exec /nope: not there");
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  EXPECT_THAT(containers_->Start(container, kNever),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nope")));
  v1::ContainerStatus status = ToStatus(*container);
  EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_THAT(status.message(), HasSubstr("/nope"));
}

TEST_F(ContainersTest, MissingImageIsNotFoundAndLeavesNothing) {
  config_.mutable_image()->set_image("nope:1");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("image \"nope:1\"")));
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(ContainersTest, FailedCreateLeavesNothing) {
  v1::Mount* mount = config_.add_mounts();
  mount->set_container_path("/x");
  mount->set_host_path("/nonexistent");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("container web: mount /x")));
  EXPECT_EQ(FilesLeft(), 0u);
  EXPECT_TRUE(images_.Holders().empty());
}

TEST_F(ContainersTest, FieldsOfARefusedCreateAreThoseOfTheRequest) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.create_error = absl::InvalidArgumentError(
        "create: linux.resources.cpu.cpus: a; mount /sys/x: destination: b");
  }
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 "container web: create: "
                                 "config.linux.resources.cpuset_cpus: a; "
                                 "mount /sys/x: container_path: b"));
  EXPECT_EQ(FilesLeft(), 0u);
}

// The kubelet looks at how the message begins.
TEST_F(ContainersTest, KnownWordsStandBeforeTheContainersName) {
  v1::Mount& mount = *config_.add_mounts();
  mount.set_container_path("/x");
  mount.set_readonly(true);
  mount.mutable_image()->set_image("nope");
  EXPECT_THAT(
      Create(),
      StatusIs(absl::StatusCode::kNotFound,
               StartsWith("ImageVolumeMountFailed: container web: mount /x")));
  mount.clear_image();
  mount.set_host_path("/tmp");
  mount.set_recursive_read_only(true);
  EXPECT_THAT(Create(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       StartsWith("RROUnsupported: container web: mount /x")));
  EXPECT_EQ(FilesLeft(), 0u);
  world_.features.recursive_read_only_mounts = true;
  EXPECT_OK(Create());
}

TEST_F(ContainersTest, CdiDevicesOfFieldAndAnnotationReachTheConfig) {
  ASSERT_OK(runtime::MakeDirs(dir_ / "cdi"));
  ASSERT_OK(runtime::WriteFileAtomic(
      dir_ / "cdi/v.yaml",
      "{cdiVersion: 0.3.0, kind: v/c, devices: [{name: a, containerEdits: "
      "{env: [A=1]}}, {name: b, containerEdits: {env: [B=2]}}]}"));
  config_.add_cdi_devices()->set_name("v/c=a");
  (*config_.mutable_annotations())["cdi.k8s.io/x"] = "v/c=b";
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  EXPECT_THAT(runtime::ParseJson(containers_->ReadOciConfig(container->id), "")
                  ->at("process")
                  .at("env"),
              testing::IsSupersetOf({"A=1", "B=2"}));
}

TEST_F(ContainersTest, TheEndIsToldWhileTheContainerCanBeAskedFor) {
  ContainerPtr container = Running();
  // As if the thread with the handler's news had not come further yet.
  runtime::ContainerState exited;
  exited.phase = runtime::ContainerPhase::kExited;
  ASSERT_TRUE(container->Advance(exited));
  ASSERT_OK(containers_->Remove(container, kNever));
  EXPECT_THAT(Events(), ElementsAre(Pair("web", v1::CONTAINER_CREATED_EVENT),
                                    Pair("web", v1::CONTAINER_STARTED_EVENT),
                                    Pair("web", v1::CONTAINER_STOPPED_EVENT),
                                    Pair("web", v1::CONTAINER_DELETED_EVENT)));
  absl::MutexLock lock(&events_mutex_);
  EXPECT_THAT(known_, ElementsAre(true, true, true, false));
}

TEST_F(ContainersTest, UnknownCdiDeviceLeavesNothing) {
  config_.add_cdi_devices()->set_name("v/c=a");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("CDI device v/c=a: no file in")));
  EXPECT_EQ(FilesLeft(), 0u);
  EXPECT_TRUE(images_.Holders().empty());
}

TEST_F(ContainersTest, StoppedSandboxTakesNoContainers) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  sandbox_->Close();
  config_.mutable_metadata()->set_attempt(1);
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(containers_->Start(container, kNever),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ContainersTest, StopWithZeroGraceKillsAtOnce) {
  ContainerPtr container = Running();
  ASSERT_OK(containers_->Stop(container, absl::ZeroDuration(), kNever));
  EXPECT_THAT(world_.signals, ElementsAre(Pair(container->id, SIGKILL)));
  EXPECT_EQ(ToStatus(*container).exit_code(), 137);
}

TEST_F(ContainersTest, GracePeriodEndsWithSigkill) {
  world_.dies_of_sigterm = false;
  ContainerPtr container = Running();
  ASSERT_OK(containers_->Stop(container, absl::Milliseconds(50), kNever));
  absl::MutexLock lock(&world_.mutex);
  EXPECT_THAT(world_.signals.front(), Pair(container->id, SIGTERM));
  EXPECT_THAT(world_.signals.back(), Pair(container->id, SIGKILL));
}

TEST_F(ContainersTest, GracePeriodEndsEvenIfNoThreadIsFree) {
  world_.dies_of_sigterm = false;
  ContainerPtr container = Running();
  auto go = std::make_shared<absl::Notification>();
  for (int i = 0; i < 8; ++i) {
    executor_->Post([go] { go->WaitForNotification(); });
  }
  EXPECT_OK(containers_->Stop(container, absl::Milliseconds(50), kNever));
  EXPECT_EQ(ToStatus(*container).exit_code(), 137);
  go->Notify();
}

// A call occupies a thread itself: it would wait for what waits for it.
TEST_F(ContainersTest, UpdatesAndRemovalsNeedNoFreeThread) {
  ContainerPtr container = Running();
  auto go = std::make_shared<absl::Notification>();
  for (int i = 0; i < 8; ++i) {
    executor_->Post([go] { go->WaitForNotification(); });
  }
  v1::LinuxContainerResources change;
  change.set_cpu_shares(512);
  EXPECT_OK(containers_->Update(container, change));
  EXPECT_OK(sandboxes_->ChangeLimits(sandbox_, [](auto&) {}));
  EXPECT_OK(containers_->Remove(container, kNever));
  go->Notify();
}

TEST_F(ContainersTest, LaterShorterStopTakesEffect) {
  world_.dies_of_sigterm = false;
  ContainerPtr container = Running();
  std::thread patient(
      [&] { EXPECT_OK(containers_->Stop(container, absl::Hours(1), kNever)); });
  ASSERT_OK(containers_->Stop(container, absl::Milliseconds(50), kNever));
  patient.join();
  EXPECT_EQ(ToStatus(*container).exit_code(), 137);
}

TEST_F(ContainersTest, StopIsIdempotent) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr created, Create());
  EXPECT_OK(containers_->Stop(created, absl::Seconds(1), kNever));
  EXPECT_EQ(ToStatus(*created).state(), v1::CONTAINER_CREATED);
  ASSERT_OK(containers_->Start(created, kNever));
  handler_->Exit(created->id, 0);
  EXPECT_OK(containers_->Stop(created, absl::Seconds(1), kNever));
}

TEST_F(ContainersTest, RemoveKillsWhatRuns) {
  ContainerPtr container = Running();
  ASSERT_OK(containers_->Remove(container, kNever));
  EXPECT_THAT(world_.signals, ElementsAre(Pair(container->id, SIGKILL)));
  EXPECT_EQ(FilesLeft(), 0u);
}

// Nor the daemon that ends before the answer.
TEST_F(ContainersTest, AHolderThatDoesNotAnswerAfterAKillIsNotLost) {
  const ContainerPtr container = Running();
  handler_->SetListener(nullptr);
  world_.get_error = absl::DeadlineExceededError("no answer in time");
  EXPECT_THAT(containers_->KillAll(sandbox_, absl::Now()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_FALSE(container->GetState().lost);
  world_.get_error = absl::OkStatus();
  EXPECT_OK(containers_->KillAll(sandbox_, absl::Now()));
  EXPECT_EQ(container->GetState().exit_code, 137);
}

}  // namespace
}  // namespace cri::container
