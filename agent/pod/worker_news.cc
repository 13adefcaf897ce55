// SPDX-License-Identifier: Apache-2.0
// What the runtime tells of a pod: its events, and lists as the safety net.
#include <utility>

#include "absl/time/clock.h"
#include "agent/pod/termination_message.h"
#include "agent/pod/worker.h"

namespace agent::pod {

void Worker::Observe(v1::ContainerEventResponse event) {
  auto news = std::make_shared<v1::ContainerEventResponse>(std::move(event));
  Post([news](Worker& w) {
    const auto& sandbox = news->pod_sandbox_status();
    w.facts_.ObserveSandbox(sandbox);
    for (const auto& status : news->containers_statuses()) {
      w.ContainerNews(status, sandbox.id());
    }
    w.Sync();
  });
}

void Worker::Refresh() {
  auto weak = weak_from_this();
  auto sandboxes = std::make_shared<absl::StatusOr<v1::ListPodSandboxResponse>>(
      absl::UnknownError(""));
  auto containers =
      std::make_shared<absl::StatusOr<v1::ListContainersResponse>>(
          absl::UnknownError(""));
  auto left = std::make_shared<std::atomic<int>>(2);
  auto ready = [weak, sandboxes, containers, left, asked = absl::Now()] {
    if (--*left != 0) return;
    if (auto self = weak.lock()) {
      self->Post([sandboxes, containers, asked](Worker& w) {
        w.OnListed(asked, std::move(*sandboxes), std::move(*containers));
      });
    }
  };
  deps_->cri->ListPod(
      uid_,
      [sandboxes, ready](auto response) {
        *sandboxes = std::move(response);
        ready();
      },
      [containers, ready](auto response) {
        *containers = std::move(response);
        ready();
      });
}

// Once, before the first sync: what the runtime already has goes on as it is.
void Worker::Adopt() {
  for (ContainerFact* fact : facts_.All()) {
    if (fact->exited()) {
      fact->message = ReadTerminationMessage(fact->cri);
    } else if (fact->running()) {
      StartProbes(fact->cri.metadata().name(), *fact, LastState(*fact));
    }
  }
  if (deps_->objects != nullptr) deps_->objects->Register(*pod_);
}

void Worker::ContainerNews(const v1::ContainerStatus& status,
                           const std::string& sandbox_id) {
  if (!facts_.ObserveContainer(status, sandbox_id)) return;
  ContainerFact* fact = facts_.Find(status.id());
  if (fact == nullptr || !fact->exited()) return;
  deps_->prober->Remove(status.id());
  if (fact->message.empty()) {
    fact->message = ReadTerminationMessage(fact->cri);
  }
}

void Worker::OnListed(absl::Time asked,
                      absl::StatusOr<v1::ListPodSandboxResponse> sandboxes,
                      absl::StatusOr<v1::ListContainersResponse> containers) {
  if (!sandboxes.ok() || !containers.ok()) return;  // the next relist tells
  auto weak = weak_from_this();
  for (const auto& sandbox : sandboxes->items()) {
    deps_->cri->PodSandboxStatus(
        sandbox.id(), [weak](absl::StatusOr<v1::PodSandboxStatus> status) {
          auto self = weak.lock();
          if (self == nullptr || !status.ok()) return;
          self->Post([status = *std::move(status)](Worker& w) {
            if (w.facts_.ObserveSandbox(status)) w.Sync();
          });
        });
  }
  ForgetMissing(asked, *sandboxes, *containers);
  for (const auto& container : containers->containers()) {
    ContainerFact* known = facts_.Find(container.id());
    if (known != nullptr && known->cri.state() == container.state()) continue;
    deps_->cri->ContainerStatus(
        container.id(), [weak, sandbox = container.pod_sandbox_id()](
                            absl::StatusOr<v1::ContainerStatus> status) {
          auto self = weak.lock();
          if (self == nullptr || !status.ok()) return;
          self->Post([status = *std::move(status), sandbox](Worker& w) {
            w.ContainerNews(status, sandbox);
            w.Sync();
          });
        });
  }
}

// What somebody else removed from the runtime. What was made while the lists
// were under way is not missing.
void Worker::ForgetMissing(absl::Time asked,
                           const v1::ListPodSandboxResponse& sandboxes,
                           const v1::ListContainersResponse& containers) {
  std::set<std::string> there;
  for (const auto& item : sandboxes.items()) there.insert(item.id());
  for (const auto& item : containers.containers()) there.insert(item.id());
  auto missing = [&](const std::string& id, int64_t created_at) {
    return !there.contains(id) && absl::FromUnixNanos(created_at) < asked;
  };
  bool changed = false;
  for (const ContainerFact* fact : facts_.All()) {
    if (!missing(fact->id(), fact->cri.created_at())) continue;
    std::string id = fact->id();
    deps_->prober->Remove(id);
    facts_.ForgetContainer(id);
    changed = true;
  }
  std::vector<v1::PodSandboxStatus> known = facts_.sandboxes();
  for (const auto& sandbox : known) {
    if (!missing(sandbox.id(), sandbox.created_at())) continue;
    facts_.ForgetSandbox(sandbox.id());
    changed = true;
  }
  if (changed) Sync();
}

}  // namespace agent::pod
