// SPDX-License-Identifier: Apache-2.0
// Intake, news, status: what is common to all states of a worker.
#include "agent/pod/worker.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/labels.h"
#include "agent/pod/paths.h"
#include "agent/pod/termination_message.h"
#include "runtime/base/log.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

bool IsTerminal(const std::string& phase) {
  return phase == "Succeeded" || phase == "Failed";
}

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

// `pod` without what others keep in its status: that would be one more copy of
// it, and an old one.
PodPtr Slim(const Json& pod) {
  Json out = pod;
  Json status = Json::object();
  if (std::string qos = runtime::StringAt(pod, {"status", "qosClass"});
      !qos.empty()) {
    status["qosClass"] = qos;
  }
  out["status"] = std::move(status);
  return std::make_shared<const Json>(std::move(out));
}

// `status` with the conditions of other owners as the API server has them now.
Json WithForeignConditions(Json status, const Json& from_api) {
  Json conditions = Json::array();
  for (const Json& item : runtime::ArrayAt(status, "conditions")) {
    if (status::IsOwnCondition(runtime::StringAt(item, "type"))) {
      conditions.push_back(item);
    }
  }
  for (const Json& item : runtime::ArrayAt(from_api, "conditions")) {
    if (!status::IsOwnCondition(runtime::StringAt(item, "type"))) {
      conditions.push_back(item);
    }
  }
  status["conditions"] = std::move(conditions);
  return status;
}

}  // namespace

Worker::Op::Op(absl::Duration crash_max)
    : crash(std::min(absl::Seconds(10), crash_max), crash_max),
      pull(absl::Seconds(10), absl::Seconds(300)),
      error(absl::Seconds(1), absl::Seconds(10)) {}

Worker::Worker(Deps* deps, PodPtr pod, Facts facts)
    : deps_(deps),
      uid_(status::Uid(*pod)),
      full_name_(
          absl::StrCat(status::Namespace(*pod), "/", status::Name(*pod))),
      queue_(deps->executor),
      pod_(Slim(*pod)),
      facts_(std::move(facts)),
      status_(std::make_shared<const Json>(runtime::ObjectAt(*pod, "status"))) {
  start_time_ = status::ParseApiTime(runtime::StringAt(*status_, "startTime"));
  if (start_time_ == absl::InfinitePast()) start_time_ = absl::Now();
  absl::MutexLock lock(&mutex_);
  snapshot_.pod = pod_;
  snapshot_.status = status_;
}

void Worker::Post(std::function<void(Worker&)> task) {
  if (deps_->stopped) return;
  queue_.Post([self = shared_from_this(), task = std::move(task)] {
    if (self->deps_->stopped || self->state_ == State::kDone) return;
    task(*self);
  });
}

void Worker::Start(bool hold) {
  Post([hold](Worker& w) {
    if (!hold && w.state_ == State::kHeld) w.state_ = State::kSync;
    w.Adopt();
    w.Sync();
  });
}

void Worker::Release() {
  Post([](Worker& w) {
    if (w.state_ == State::kHeld) w.state_ = State::kSync;
    w.Sync();
  });
}

void Worker::Update(PodPtr pod) {
  Post([pod = std::move(pod)](Worker& w) {
    w.Apply(pod);
    w.Sync();
  });
}

void Worker::Remove() {
  Post([](Worker& w) {
    w.removed_ = true;
    w.Sync();
  });
}

void Worker::Reject(const std::string& reason, const std::string& message) {
  Post([reason, message](Worker& w) {
    w.failed_reason_ = reason;
    w.failed_message_ = message;
    w.Event("", status::EventType::kWarning, reason, message);
    w.Sync();
  });
}

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

void Worker::Wake(bool objects_changed) {
  Post([objects_changed](Worker& w) {
    w.remount_ |= objects_changed;
    if (objects_changed) {
      // A config error may be over now.
      for (auto& [name, op] : w.ops_) {
        if (op.reason == "CreateContainerConfigError") {
          op.retry_at = absl::InfinitePast();
        }
      }
      w.mount_retry_ = absl::InfinitePast();
    }
    w.Sync();
  });
}

PodSnapshot Worker::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return snapshot_;
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

void Worker::Apply(PodPtr pod) {
  const Json& api = runtime::ObjectAt(*pod, "status");
  if (!status::IsStatic(*pod)) {
    status_ =
        std::make_shared<const Json>(WithForeignConditions(*status_, api));
    deps_->writer->Observe(uid_, *pod);
  }
  pod_ = Slim(*pod);
  if (deps_->objects != nullptr && state_ < State::kTerminated) {
    deps_->objects->Register(*pod_);
  }
}

// Reasons to end the pod although its containers would go on.
bool Worker::MustEnd() {
  if (removed_ || !failed_reason_.empty()) return true;
  if (runtime::Has(runtime::At(*pod_, "metadata"), "deletionTimestamp")) {
    return true;
  }
  return IsTerminal(runtime::StringAt(*status_, "phase"));
}

void Worker::CheckDeadline() {
  const Json& spec = runtime::At(*pod_, "spec");
  if (!runtime::Has(spec, "activeDeadlineSeconds")) return;
  absl::Time deadline = start_time_ + absl::Seconds(runtime::IntAt(
                                          spec, "activeDeadlineSeconds"));
  if (absl::Now() < deadline) return WakeAt(deadline);
  failed_reason_ = "DeadlineExceeded";
  failed_message_ =
      "Pod was active on the node longer than the specified "
      "deadline";
  Event("", status::EventType::kNormal, failed_reason_, failed_message_);
}

void Worker::Sync() {
  if (state_ == State::kHeld && (removed_ || MustEnd())) state_ = State::kSync;
  if (state_ == State::kSync && failed_reason_.empty()) CheckDeadline();
  if (state_ == State::kSync && MustEnd()) BeginTermination();
  if (state_ == State::kSync) SyncRunning();
  if (state_ == State::kTerminating) SyncTerminating();
  Publish();
  if (state_ == State::kTerminated) SyncTerminated();
}

// One timer is enough: the earliest wins, a late one only syncs once more.
void Worker::WakeAt(absl::Time time) {
  if (time >= wake_at_) return;
  wake_at_ = time;
  deps_->executor->PostAt(time, [weak = weak_from_this(), time] {
    auto self = weak.lock();
    if (self == nullptr) return;
    self->Post([time](Worker& w) {
      if (w.wake_at_ == time) w.wake_at_ = absl::InfiniteFuture();
      w.Sync();
    });
  });
}

Worker::Op& Worker::OpOf(const std::string& name) {
  return ops_.try_emplace(name, deps_->options.max_restart_backoff)
      .first->second;
}

bool Worker::Busy() const {
  if (sandbox_busy_) return true;
  for (const auto& [name, op] : ops_) {
    if (op.stage == Stage::kCreate || op.stage == Stage::kStart) return true;
  }
  return false;
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
  snapshot.terminal = IsTerminal(runtime::StringAt(*status_, "phase"));
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

}  // namespace agent::pod
