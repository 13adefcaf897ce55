// SPDX-License-Identifier: Apache-2.0
// FakeCri as a test sees it: what it does to the world, and what it looks at.
#include "tests/support/fake_cri.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace tests {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

}  // namespace

const FakeCri::Container* FakeCri::World::Find(const std::string& name) const {
  const Container* newest = nullptr;
  for (const auto& [id, container] : containers) {
    if (container.status.metadata().name() != name) continue;
    if (newest == nullptr ||
        container.status.created_at() > newest->status.created_at()) {
      newest = &container;
    }
  }
  return newest;
}

int FakeCri::World::Running() const {
  return static_cast<int>(
      std::count_if(containers.begin(), containers.end(), [](const auto& c) {
        return c.second.status.state() == v1::CONTAINER_RUNNING;
      }));
}

bool FakeCri::World::Called(const std::string& call) const {
  return std::find(calls.begin(), calls.end(), call) != calls.end();
}

bool FakeCri::WaitFor(const std::function<bool(const World&)>& ready) {
  absl::MutexLock lock(&mutex_);
  auto check = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ready(world_); };
  return mutex_.AwaitWithTimeout(absl::Condition(&check), kPatience);
}

FakeCri::World FakeCri::Look() {
  absl::MutexLock lock(&mutex_);
  return world_;
}

void FakeCri::AddImage(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  v1::Image& image = images_[name];
  image.set_id("sha256:" + name);
  image.set_size(1);
}

void FakeCri::MoveImage(const std::string& name, int64_t uid) {
  absl::MutexLock lock(&mutex_);
  v1::Image& image = images_[name];
  image.set_id(absl::StrCat("sha256:", name, "-of-", uid));
  image.set_size(1);
  image.mutable_uid()->set_value(uid);
}

void FakeCri::FailWith(const std::string& method, grpc::Status status) {
  absl::MutexLock lock(&mutex_);
  failures_[method] = std::move(status);
}

void FakeCri::Exit(const std::string& name, int code) {
  absl::MutexLock lock(&mutex_);
  for (auto& [id, container] : world_.containers) {
    if (container.status.metadata().name() == name &&
        container.status.state() == v1::CONTAINER_RUNNING) {
      End(container, code);
    }
  }
}

void FakeCri::SetPulls(const std::string& json) {
  absl::MutexLock lock(&mutex_);
  pulls_ = json;
}

void FakeCri::SetExec(std::optional<int> code) {
  absl::MutexLock lock(&mutex_);
  exec_ = code;
}

void FakeCri::Age(absl::Duration by) {
  absl::MutexLock lock(&mutex_);
  for (auto& [id, container] : world_.containers) {
    container.status.set_started_at(container.status.started_at() -
                                    absl::ToInt64Nanoseconds(by));
  }
}

grpc::Status FakeCri::Enter(const std::string& method,
                            const std::string& detail) {
  world_.calls.push_back(absl::StrCat(method, " ", detail));
  return failures_[method];
}

void FakeCri::End(Container& container, int code) {
  container.status.set_state(v1::CONTAINER_EXITED);
  container.status.set_exit_code(code);
  container.status.set_finished_at(absl::ToUnixNanos(absl::Now()));
  Emit(container, v1::CONTAINER_STOPPED_EVENT);
}

void FakeCri::Emit(const Container& container, v1::ContainerEventType type) {
  v1::ContainerEventResponse event;
  event.set_container_id(container.status.id());
  event.set_container_event_type(type);
  event.set_created_at(absl::ToUnixNanos(absl::Now()));
  *event.mutable_pod_sandbox_status() = world_.sandboxes[container.sandbox_id];
  *event.add_containers_statuses() = container.status;
  events_.push_back(std::move(event));
}

}  // namespace tests
