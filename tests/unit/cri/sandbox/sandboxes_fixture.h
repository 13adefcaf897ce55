// SPDX-License-Identifier: Apache-2.0
// Sandboxes over fakes, and another daemon that takes over.
#ifndef CORACLE_TESTS_UNIT_CRI_SANDBOX_SANDBOXES_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_SANDBOX_SANDBOXES_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cri/sandbox/sandboxes.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/fake_cri_rooms.h"
#include "tests/support/fake_handler.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::sandbox {

namespace v1 = ::runtime::v1;

inline v1::PodSandboxConfig Config(const std::string& name) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-" + name);
  return config;
}

class SandboxesTest : public ::testing::Test {
 protected:
  SandboxesTest() { Restart(); }

  // A daemon that ends and another that takes over.
  void Restart() {
    sweeper_.reset();  // ends all work first
    executor_.reset();
    sandboxes_.reset();
    executor_ = std::make_unique<runtime::Executor>("test", 8);
    sweeper_ = std::make_unique<runtime::Executor>("sweep", 4);
    trash_ = std::make_unique<runtime::Trash>(dir_ / "trash", executor_.get());
    ASSERT_OK(trash_->Open());
    handler_ = std::make_unique<tests::FakeHandler>(&world_);
    SandboxesOptions options;
    options.root = dir_.path();
    options.executor = executor_.get();
    options.sweeper = sweeper_.get();
    options.sweep_patience = sweep_patience_;
    options.handler = handler_.get();
    options.network = &network_;
    options.trash = trash_.get();
    options.systemd_cgroups = systemd_cgroups_;
    options.notify = [this](const SandboxPtr&, v1::ContainerEventType type) {
      absl::MutexLock lock(&told_mutex_);
      told_.push_back(type);
    };
    sandboxes_ = std::make_unique<Sandboxes>(options);
    ASSERT_OK_AND_ASSIGN(auto living, handler_->Recover());
    ASSERT_OK(sandboxes_->Recover(living));
    sandboxes_->Sweep();
  }
  // Returns when all was tried once.
  void AwaitSweep() { sweeper_->Stop(); }

  absl::StatusOr<SandboxPtr> Run(const v1::PodSandboxConfig& config) {
    return sandboxes_->Run(config, "", absl::InfiniteFuture());
  }
  // What was told since the last question.
  std::vector<v1::ContainerEventType> Told(Sandbox& sandbox) {
    sandbox.queue.Run([] {});
    absl::MutexLock lock(&told_mutex_);
    return std::exchange(told_, {});
  }
  size_t FilesLeft() { return runtime::ListDir(dir_ / "sandboxes")->size(); }

  absl::Mutex told_mutex_;
  std::vector<v1::ContainerEventType> told_ ABSL_GUARDED_BY(told_mutex_);
  bool systemd_cgroups_ = false;
  absl::Duration sweep_patience_ = absl::Minutes(1);
  tests::TempDir dir_;
  tests::FakeHandler::World world_;
  tests::FakeNetwork network_;
  std::unique_ptr<tests::FakeHandler> handler_;
  std::unique_ptr<runtime::Trash> trash_;
  std::unique_ptr<Sandboxes> sandboxes_;
  std::unique_ptr<runtime::Executor> executor_, sweeper_;
};

}  // namespace cri::sandbox

#endif  // CORACLE_TESTS_UNIT_CRI_SANDBOX_SANDBOXES_FIXTURE_H_
