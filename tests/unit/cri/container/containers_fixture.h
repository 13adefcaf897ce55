// SPDX-License-Identifier: Apache-2.0
// Containers over fakes of their neighbours, with one sandbox.
#ifndef CORACLE_TESTS_UNIT_CRI_CONTAINER_CONTAINERS_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_CONTAINER_CONTAINERS_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "cri/container/containers.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/fake_cri_rooms.h"
#include "tests/support/fake_handler.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::container {

namespace v1 = ::runtime::v1;

inline constexpr absl::Time kNever = absl::InfiniteFuture();

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
    sandboxes.sweeper = executor_.get();
    sandboxes.handler = handler_.get();
    sandboxes.network = &network_;
    sandboxes.trash = trash_.get();
    sandboxes.notify = [](const auto&, auto) {};
    sandboxes_ = std::make_unique<sandbox::Sandboxes>(sandboxes);
    ContainersOptions options;
    options.root = dir_.path();
    options.executor = executor_.get();
    options.sweeper = executor_.get();
    options.undo_patience = absl::Milliseconds(10);
    options.handler = handler_.get();
    options.images = &images_;
    options.sandboxes = sandboxes_.get();
    options.trash = trash_.get();
    options.cdi = &cdi_;
    options.log_cap = [] { return 1 << 20; };
    options.notify = [this](const ContainerPtr& container,
                            v1::ContainerEventType type) {
      const bool known = containers_->Find(container->id).ok();
      absl::MutexLock lock(&events_mutex_);
      events_.emplace_back(container->config.metadata().name(), type);
      known_.push_back(known);
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
  // Whether each event's container could be asked for.
  std::vector<bool> known_ ABSL_GUARDED_BY(events_mutex_);
  std::unique_ptr<tests::FakeHandler> handler_;
  std::unique_ptr<runtime::Trash> trash_;
  std::unique_ptr<sandbox::Sandboxes> sandboxes_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<runtime::Executor> executor_;
  sandbox::SandboxPtr sandbox_;
};

}  // namespace cri::container

#endif  // CORACLE_TESTS_UNIT_CRI_CONTAINER_CONTAINERS_FIXTURE_H_
