// SPDX-License-Identifier: Apache-2.0
// What a worker makes of its facts: the view that decides what is next, the
// pod's status, the snapshot for others, events.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/labels.h"
#include "agent/pod/worker.h"

namespace agent::pod {
namespace {

RunState ToRunState(v1::ContainerState state) {
  switch (state) {
    case v1::CONTAINER_CREATED:
      return RunState::kCreated;
    case v1::CONTAINER_RUNNING:
      return RunState::kRunning;
    default:
      return RunState::kExited;
  }
}

// Nothing in this status but "still being made": worth less than the next one.
bool OnlyCreating(const Json& status) {
  if (runtime::StringAt(status, "phase") != "Pending") return false;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(status, list)) {
      std::string reason =
          runtime::StringAt(item, {"state", "waiting", "reason"});
      if (reason != "ContainerCreating" && reason != "PodInitializing") {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

ActualView Worker::View() {
  ActualView view;
  const auto* sandbox = facts_.newest_sandbox();
  view.sandbox_ready = sandbox != nullptr &&
                       sandbox->state() == v1::SANDBOX_READY && !sandbox_busy_;
  if (view.sandbox_ready && !status::HostNetwork(*pod_) &&
      sandbox->network().ip().empty()) {
    view.sandbox_ready = false;
  }
  for (const auto& spec : status::Containers(*pod_)) {
    auto attempts = facts_.Attempts(spec.name);
    if (attempts.empty()) continue;
    const ContainerFact& fact = *attempts.front();
    ContainerView& out = view.containers[spec.name];
    out.state = ToRunState(fact.cri.state());
    out.current = view.sandbox_ready && fact.sandbox_id == sandbox->id();
    out.exit_code = fact.cri.exit_code();
    probe::State probes = deps_->prober->Get(fact.id(), *spec.json);
    out.started = fact.running() && fact.hook_done && probes.started;
    out.unhealthy = fact.running() && probes.unhealthy;
    auto hash = fact.cri.annotations().find(kHash);
    out.spec_changed = hash != fact.cri.annotations().end() &&
                       hash->second != status::ContainerHash(*spec.json);
    out.replaced = OpOf(spec.name).replaced_id == fact.id();
  }
  return view;
}

status::Input Worker::StatusInput() {
  status::Input input;
  input.pod = pod_.get();
  input.previous = *status_;
  if (const auto* sandbox = facts_.newest_sandbox()) input.sandbox = *sandbox;
  input.runtime_name = deps_->runtime_name;
  input.host_ips = deps_->options.node.host_ips;
  input.now = absl::Now();
  input.start_time = start_time_;
  input.finished = state_ >= State::kTerminated;
  input.failed_reason = failed_reason_;
  input.failed_message = failed_message_;
  input.mirror = status::IsStatic(*pod_);
  for (const auto& spec : status::Containers(*pod_)) {
    status::ContainerInput& out = input.containers[spec.name];
    for (const ContainerFact* fact : facts_.Attempts(spec.name)) {
      probe::State probes = deps_->prober->Get(fact->id(), *spec.json);
      out.attempts.push_back(
          {fact->cri, fact->message,
           fact->running() && fact->hook_done && probes.started,
           fact->running() && fact->hook_done && probes.ready});
    }
    auto op = ops_.find(spec.name);
    if (op == ops_.end()) continue;
    out.waiting_reason = op->second.reason;
    out.waiting_message = op->second.message;
  }
  return input;
}

void Worker::Publish() {
  // After the last look at the containers nothing of the status may change:
  // they are being removed.
  bool frozen = state_ == State::kTerminated && cleaned_;
  PodPtr before = status_;
  if (!frozen) {
    Json status = status::ComputeStatus(StatusInput());
    if (status != *status_ || !published_) {
      status_ = std::make_shared<const Json>(std::move(status));
    }
  }
  PodSnapshot snapshot;
  snapshot.pod = pod_;
  snapshot.status = status_;
  snapshot.terminal = status::IsTerminal(runtime::StringAt(*status_, "phase"));
  snapshot.finished = state_ >= State::kTerminated;
  snapshot.waits = Waits();
  for (const auto& spec : status::Containers(*pod_)) {
    auto& list = snapshot.containers[spec.name];
    for (const ContainerFact* fact : facts_.Attempts(spec.name)) {
      list.push_back({fact->id(), fact->cri.log_path(), fact->cri.state()});
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    snapshot_ = std::move(snapshot);
  }
  if (status_ == before || removed_) return;
  if (!std::exchange(published_, true) && !status::IsStatic(*pod_)) {
    deps_->writer->Seed(uid_, before);
  }
  deps_->writer->Set(pod_, status_, !OnlyCreating(*status_));
}

void Worker::Event(const std::string& container, status::EventType type,
                   const std::string& reason, const std::string& message) {
  std::string field;
  if (!container.empty()) {
    const char* list = "containers";
    for (const auto& spec : status::Containers(*pod_)) {
      if (spec.name != container) continue;
      if (spec.kind == status::ContainerKind::kInit) list = "initContainers";
      if (spec.kind == status::ContainerKind::kEphemeral) {
        list = "ephemeralContainers";
      }
    }
    field = absl::StrCat("spec.", list, "{", container, "}");
  }
  deps_->events->Event(*pod_, field, type, reason, message);
}

probe::State Worker::LastState(const ContainerFact& fact) const {
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(*status_, list)) {
      if (absl::EndsWith(runtime::StringAt(item, "containerID"),
                         absl::StrCat("://", fact.id()))) {
        return {runtime::BoolAt(item, "started"),
                runtime::BoolAt(item, "ready"), false};
      }
    }
  }
  return {false, false, false};  // its probes have to tell
}

}  // namespace agent::pod
