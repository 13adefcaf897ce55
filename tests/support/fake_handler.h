// SPDX-License-Identifier: Apache-2.0
// A runtime::Handler in memory: containers change when a test says so.
#ifndef CORACLE_TESTS_SUPPORT_FAKE_HANDLER_H_
#define CORACLE_TESTS_SUPPORT_FAKE_HANDLER_H_

#include <fcntl.h>
#include <poll.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/handler/handler.h"
#include "tests/support/fake_stream.h"
#include "tests/support/temp_dir.h"

namespace tests {

// Thread safe. What outlives the daemon (`world`) can be handed to a second
// handler, which then recovers it.
class FakeHandler : public runtime::Handler {
 public:
  struct Sandbox {
    runtime::SandboxOptions options;
    std::map<std::string, runtime::ContainerState> containers;
  };
  struct World {
    absl::Mutex mutex;
    std::map<std::string, Sandbox> sandboxes;
    std::map<std::string, runtime::ContainerOptions> created;  // by id
    std::vector<std::pair<std::string, int>> signals;          // id, signal
    std::vector<std::pair<std::string, std::string>> updates;  // id, JSON
    std::function<void()> during_update;
    // Before a container starts, without the lock; its error is all that comes
    // of it.
    std::function<absl::Status()> before_start;
    absl::Status start_sandbox_error, create_error, start_container_error,
        update_error, kill_error, not_ready, checkpoint_error, get_error,
        remove_error;
    // A checkpoint waits for this when its processes are written.
    bool checkpoint_gate_open = true;
    // StartSandbox waits for this; a test closes the gate first.
    bool gate_open = true;
    int sandboxes_started = 0;
    int removals = 0;  // of containers, that were tried
    runtime::HandlerFeatures features;
    // Of "sleep", which ends no other way.
    int execs_begun = 0, execs_cancelled = 0;
    bool dies_of_sigterm = true;
    bool silent = false;  // all holders, to Recover
    const TempDir files;  // of a sandbox: <files>/<id>

    // Until so many, or more, were begun and cancelled; fails the test after
    // 20 s.
    void AwaitExecs(int begun, int cancelled) {
      auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
        return execs_begun >= begun && execs_cancelled >= cancelled;
      };
      absl::MutexLock lock(&mutex);
      EXPECT_TRUE(
          mutex.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20)));
    }
  };

  explicit FakeHandler(World* world) : world_(*world) {}

  absl::StatusOr<std::vector<runtime::SandboxState>> Recover() override {
    absl::MutexLock lock(&world_.mutex);
    std::vector<runtime::SandboxState> states;
    for (const auto& [id, sandbox] : world_.sandboxes) {
      states.push_back(world_.silent
                           ? runtime::SandboxState{.id = id, .silent = true}
                           : StateOf(id));
    }
    return states;
  }

  runtime::HandlerFeatures Features(const std::string&) override {
    absl::MutexLock lock(&world_.mutex);
    return world_.features;
  }

  absl::Status Ready() override {
    absl::MutexLock lock(&world_.mutex);
    return world_.not_ready;
  }

  void SetListener(runtime::StateListener listener) override {
    absl::MutexLock lock(&listener_mutex_);
    listener_ = std::move(listener);
  }

  absl::StatusOr<runtime::SandboxState> StartSandbox(
      const runtime::SandboxOptions& options) override {
    absl::MutexLock lock(&world_.mutex);
    ++world_.sandboxes_started;
    world_.mutex.Await(absl::Condition(&world_.gate_open));
    if (!world_.start_sandbox_error.ok()) return world_.start_sandbox_error;
    world_.sandboxes[options.id].options = options;
    runtime::SandboxState state = StateOf(options.id);
    RETURN_IF_ERROR(runtime::MakeDirs(state.files_dir, 0700));
    return state;
  }

  absl::Status RemoveSandbox(const std::string& id) override {
    absl::MutexLock lock(&world_.mutex);
    world_.sandboxes.erase(id);
    return absl::OkStatus();
  }

  absl::StatusOr<runtime::UniqueFd> NetworkNamespace(
      const std::string&) override {
    return runtime::UniqueFd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  }

  absl::StatusOr<runtime::ContainerState> CreateContainer(
      const runtime::ContainerOptions& options) override {
    absl::MutexLock lock(&world_.mutex);
    if (!world_.create_error.ok()) return world_.create_error;
    runtime::ContainerState state;
    state.sandbox_id = options.sandbox_id;
    state.id = options.id;
    world_.sandboxes[options.sandbox_id].containers[options.id] = state;
    world_.created[options.id] = options;
    return state;
  }

  absl::StatusOr<runtime::ContainerState> StartContainer(
      const std::string& sandbox_id, const std::string& id) override {
    if (world_.before_start) RETURN_IF_ERROR(world_.before_start());
    absl::MutexLock lock(&world_.mutex);
    runtime::ContainerState& state =
        world_.sandboxes[sandbox_id].containers[id];
    if (!world_.start_container_error.ok()) {
      state.phase = runtime::ContainerPhase::kExited;
      state.exit_code = 128;
      state.finished_at = absl::Now();
      state.message = std::string(world_.start_container_error.message());
      return world_.start_container_error;
    }
    state.phase = runtime::ContainerPhase::kRunning;
    state.pid = 4711;
    state.started_at = absl::Now();
    return state;
  }

  // The container ends by itself, or by a signal.
  void Exit(const std::string& id, int code, bool oom = false) {
    runtime::ContainerState news;
    {
      absl::MutexLock lock(&world_.mutex);
      runtime::ContainerState* state = FindState(id);
      if (state == nullptr ||
          state->phase == runtime::ContainerPhase::kExited) {
        return;
      }
      state->phase = runtime::ContainerPhase::kExited;
      state->pid = 0;
      state->exit_code = code;
      state->oom_killed = oom;
      state->finished_at = absl::Now();
      news = *state;
    }
    absl::MutexLock lock(&listener_mutex_);
    if (listener_) listener_(news);
  }

  // The sandbox's holder dies.
  void Die(const std::string& sandbox_id) {
    runtime::ContainerState news;
    news.sandbox_id = sandbox_id;
    absl::MutexLock lock(&listener_mutex_);
    if (listener_) listener_(news);
  }

  absl::Status KillContainer(const std::string&, const std::string& id,
                             int signal, bool) override {
    bool dies;
    {
      absl::MutexLock lock(&world_.mutex);
      if (!world_.kill_error.ok()) return world_.kill_error;
      world_.signals.emplace_back(id, signal);
      dies = signal == 9 || world_.dies_of_sigterm;
    }
    if (dies) Exit(id, 128 + signal);
    return absl::OkStatus();
  }

  absl::Status UpdateContainer(const std::string&, const std::string& id,
                               const std::string& resources) override {
    absl::MutexLock lock(&world_.mutex);
    if (world_.during_update) world_.during_update();
    if (!world_.update_error.ok()) return world_.update_error;
    world_.updates.emplace_back(id, resources);
    return absl::OkStatus();
  }

  // Leaves one image and a log.
  absl::Status CheckpointContainer(
      const std::string&, const std::string&,
      const runtime::CheckpointOptions& options) override {
    {
      absl::MutexLock lock(&world_.mutex);
      RETURN_IF_ERROR(world_.checkpoint_error);
    }
    RETURN_IF_ERROR(
        runtime::WriteFileAtomic(options.images_dir + "/core-1.img", "core"));
    RETURN_IF_ERROR(
        runtime::WriteFileAtomic(options.work_dir + "/dump.log", "log"));
    RETURN_IF_ERROR(options.while_stopped());
    absl::MutexLock lock(&world_.mutex);
    world_.mutex.Await(absl::Condition(&world_.checkpoint_gate_open));
    return absl::OkStatus();
  }

  absl::Status RemoveContainer(const std::string& sandbox_id,
                               const std::string& id) override {
    absl::MutexLock lock(&world_.mutex);
    ++world_.removals;
    RETURN_IF_ERROR(world_.remove_error);
    auto it = world_.sandboxes.find(sandbox_id);
    if (it != world_.sandboxes.end()) it->second.containers.erase(id);
    return absl::OkStatus();
  }

  absl::StatusOr<runtime::ContainerState> GetContainer(
      const std::string&, const std::string& id) override {
    absl::MutexLock lock(&world_.mutex);
    RETURN_IF_ERROR(world_.get_error);
    runtime::ContainerState* state = FindState(id);
    if (state == nullptr) return absl::NotFoundError(id);
    return *state;
  }

  absl::StatusOr<std::vector<runtime::ContainerState>> ListContainers(
      const std::string& sandbox_id) override {
    absl::MutexLock lock(&world_.mutex);
    std::vector<runtime::ContainerState> states;
    for (const auto& [id, state] : world_.sandboxes[sandbox_id].containers) {
      states.push_back(state);
    }
    return states;
  }

  absl::StatusOr<runtime::ExecResult> ExecSync(
      const std::string&, const std::string&,
      const runtime::ExecOptions& options) override {
    if (options.args.front() == "sleep") {
      {
        absl::MutexLock lock(&world_.mutex);
        ++world_.execs_begun;
      }
      pollfd polled{options.cancelled_fd, POLLIN, 0};
      EXPECT_EQ(poll(&polled, 1, -1), 1);
      absl::MutexLock lock(&world_.mutex);
      ++world_.execs_cancelled;
      return absl::CancelledError("sleep");
    }
    return runtime::ExecResult{3, std::string(options.max_output_bytes, 'o'),
                               "problem"};
  }

  absl::StatusOr<std::unique_ptr<runtime::StreamSession>> Exec(
      const std::string&, const std::string&,
      const runtime::StreamOptions& options) override {
    return std::make_unique<FakeStream>(options, 3);
  }

  absl::StatusOr<std::unique_ptr<runtime::StreamSession>> Attach(
      const std::string&, const std::string&,
      const runtime::StreamOptions& options) override {
    return std::make_unique<FakeStream>(options, 0);
  }

  absl::Status ReopenLog(const std::string&, const std::string&) override {
    return absl::OkStatus();
  }

 private:
  runtime::SandboxState StateOf(const std::string& id) const {
    return {id, 100, 0, "/shm", world_.files / id};
  }

  runtime::ContainerState* FindState(const std::string& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(world_.mutex) {
    for (auto& [sandbox_id, sandbox] : world_.sandboxes) {
      auto it = sandbox.containers.find(id);
      if (it != sandbox.containers.end()) return &it->second;
    }
    return nullptr;
  }

  World& world_;
  absl::Mutex listener_mutex_;
  runtime::StateListener listener_ ABSL_GUARDED_BY(listener_mutex_);
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_FAKE_HANDLER_H_
