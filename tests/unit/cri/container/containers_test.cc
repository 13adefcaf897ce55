// SPDX-License-Identifier: Apache-2.0
#include "cri/container/containers.h"

#include <signal.h>
#include <sys/stat.h>

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/fake_cri_rooms.h"
#include "tests/support/fake_handler.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using runtime::ContainerPhase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::tests::StatusIs;

constexpr absl::Time kNever = absl::InfiniteFuture();

class ContainersTest : public ::testing::Test {
 protected:
  ContainersTest() {
    image::Image image;
    image.id = "sha256:1";
    image.repo_tags = {"busybox:1"};
    image.cmd = {"sh"};
    image.layer_dirs = {"/low", "/high"};
    images_.Add(image);
    config_.mutable_metadata()->set_name("web");
    config_.mutable_image()->set_image("busybox:1");
    config_.set_log_path("web/0.log");
    Restart();
    v1::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name("pod");
    pod.mutable_metadata()->set_uid("u");
    pod.mutable_metadata()->set_namespace_("n");
    pod.set_log_directory(dir_ / "logs");
    sandbox_ = *sandboxes_->Run(pod, "", kNever);
  }
  ~ContainersTest() override { handler_->SetListener(nullptr); }

  void Restart() {
    if (handler_ != nullptr) handler_->SetListener(nullptr);
    std::string sandbox_id = sandbox_ == nullptr ? "" : sandbox_->id;
    executor_.reset();
    containers_.reset();
    sandboxes_.reset();
    executor_ = std::make_unique<runtime::Executor>("test", 8);
    trash_ = std::make_unique<runtime::Trash>(dir_ / "trash", executor_.get());
    ASSERT_OK(trash_->Open());
    handler_ = std::make_unique<tests::FakeHandler>(&world_);
    sandbox::SandboxesOptions sandboxes;
    sandboxes.root = dir_.path();
    sandboxes.executor = executor_.get();
    sandboxes.handler = handler_.get();
    sandboxes.network = &network_;
    sandboxes.trash = trash_.get();
    sandboxes.notify = [](const auto&, auto) {};
    sandboxes_ = std::make_unique<sandbox::Sandboxes>(sandboxes);
    ContainersOptions options;
    options.root = dir_.path();
    options.executor = executor_.get();
    options.handler = handler_.get();
    options.images = &images_;
    options.sandboxes = sandboxes_.get();
    options.trash = trash_.get();
    options.cdi = &cdi_;
    options.notify = [this](const ContainerPtr& container,
                            v1::ContainerEventType type) {
      absl::MutexLock lock(&events_mutex_);
      events_.emplace_back(container->config.metadata().name(), type);
    };
    containers_ = std::make_unique<Containers>(options);
    ASSERT_OK_AND_ASSIGN(auto living, handler_->Recover());
    ASSERT_OK(sandboxes_->Recover(living));
    handler_->SetListener([this](const runtime::ContainerState& state) {
      containers_->OnState(state);
    });
    ASSERT_OK(containers_->Recover());
    if (!sandbox_id.empty()) sandbox_ = *sandboxes_->Find(sandbox_id);
  }

  absl::StatusOr<ContainerPtr> Create() {
    return containers_->Create(sandbox_, config_, kNever);
  }
  ContainerPtr Running() {
    ContainerPtr container = *Create();
    EXPECT_OK(containers_->Start(container, kNever));
    return container;
  }
  // Events so far; the queue's tasks before this call have run.
  std::vector<std::pair<std::string, int>> Events() {
    absl::Notification done;
    sandbox_->queue.Post([&] { done.Notify(); });
    done.WaitForNotification();
    absl::MutexLock lock(&events_mutex_);
    return events_;
  }
  size_t FilesLeft() { return runtime::ListDir(dir_ / "containers")->size(); }

  tests::TempDir dir_;
  tests::FakeHandler::World world_;
  tests::FakeNetwork network_;
  tests::FakeImages images_;
  cdi::Registry cdi_{{dir_ / "cdi"}};
  v1::ContainerConfig config_;
  absl::Mutex events_mutex_;
  std::vector<std::pair<std::string, int>> events_
      ABSL_GUARDED_BY(events_mutex_);
  std::unique_ptr<tests::FakeHandler> handler_;
  std::unique_ptr<runtime::Trash> trash_;
  std::unique_ptr<sandbox::Sandboxes> sandboxes_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<runtime::Executor> executor_;
  sandbox::SandboxPtr sandbox_;
};

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

TEST_F(ContainersTest, AStopWhoseSignalFailedSendsItNextTime) {
  ContainerPtr container = Running();
  world_.kill_error = absl::UnavailableError("holder is busy");
  EXPECT_FALSE(containers_->Stop(container, absl::Seconds(60), kNever).ok());
  world_.kill_error = absl::OkStatus();
  ASSERT_OK(containers_->Stop(container, absl::Seconds(60), kNever));
  EXPECT_THAT(world_.signals, ElementsAre(Pair(container->id, SIGTERM)));
}

TEST_F(ContainersTest, LifeFromCreateToRemove) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  EXPECT_EQ(container->log_path, dir_ / "logs/web/0.log");
  EXPECT_TRUE(runtime::Exists(dir_ / "logs/web"));
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
  EXPECT_OK(sandboxes_->SetLimits(sandbox_, {}));
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

TEST(LogPathTest, StaysInTheDirectory) {
  v1::PodSandboxConfig pod;
  v1::ContainerConfig config;
  config.set_log_path("a/0.log");
  EXPECT_THAT(LogPath(pod, config), tests::IsOkAndHolds(""));
  pod.set_log_directory("/var/log/pods/x/");
  EXPECT_THAT(LogPath(pod, config),
              tests::IsOkAndHolds("/var/log/pods/x/a/0.log"));
  config.set_log_path("../../etc/passwd");
  EXPECT_THAT(LogPath(pod, config),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace cri::container
