// SPDX-License-Identifier: Apache-2.0
// The way out: containers in parallel (sidecars last, in reverse), sandbox,
// volumes, cgroups; for a deleted pod also records, files and the API object.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/labels.h"
#include "agent/pod/log_links.h"
#include "agent/pod/paths.h"
#include "agent/pod/worker.h"
#include "agent/probe/hook.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;
using status::EventType;

// Below this no process has a chance to say good-bye.
constexpr absl::Duration kMinGrace = absl::Seconds(2);

absl::Duration LabelledGrace(Facts& facts) {
  for (const ContainerFact* fact : facts.All()) {
    auto it = fact->cri.annotations().find(kGracePeriod);
    int64_t seconds = 0;
    if (it != fact->cri.annotations().end() &&
        absl::SimpleAtoi(it->second, &seconds)) {
      return absl::Seconds(seconds);
    }
  }
  return absl::Seconds(30);
}

}  // namespace

absl::Duration Worker::Grace() {
  const Json& meta = runtime::At(*pod_, "metadata");
  if (runtime::Has(meta, "deletionGracePeriodSeconds")) {
    return absl::Seconds(runtime::IntAt(meta, "deletionGracePeriodSeconds"));
  }
  if (!runtime::Has(runtime::At(*pod_, "spec"), "containers")) {
    return LabelledGrace(facts_);  // an orphan
  }
  return status::SpecGrace(*pod_);
}

void Worker::BeginTermination() {
  state_ = State::kTerminating;
  // A pod that ended by itself has no one to wait for but its sidecars.
  grace_ = Grace();
  stop_deadline_ = absl::Now() + grace_;
}

void Worker::SyncTerminating() {
  if (Busy()) return;
  if (absl::Duration grace = Grace(); grace < grace_) {
    // A later, shorter delete counts from now; grace never grows.
    grace_ = grace;
    stop_deadline_ = std::min(stop_deadline_, absl::Now() + grace);
  }
  std::map<std::string, status::ContainerSpec> specs;
  for (auto& spec : status::Containers(*pod_)) specs.emplace(spec.name, spec);
  std::vector<ContainerFact*> main, sidecars;
  for (ContainerFact* fact : facts_.All()) {
    if (fact->exited() || fact->cri.state() == v1::CONTAINER_CREATED) continue;
    auto it = specs.find(fact->cri.metadata().name());
    bool sidecar = it != specs.end() && it->second.sidecar;
    (sidecar ? sidecars : main).push_back(fact);
  }
  for (ContainerFact* fact : main) {
    StopContainer(
        *fact, stop_deadline_,
        absl::StrCat("Stopping container ", fact->cri.metadata().name()));
  }
  if (!main.empty()) return;
  if (!sidecars.empty()) {
    // The last one started goes first.
    ContainerFact* last = *std::max_element(
        sidecars.begin(), sidecars.end(), [](const auto* a, const auto* b) {
          return a->cri.created_at() < b->cri.created_at();
        });
    return StopContainer(
        *last, stop_deadline_,
        absl::StrCat("Stopping container ", last->cri.metadata().name()));
  }
  bool waiting = false;
  for (const auto& sandbox : facts_.sandboxes()) {
    if (sandbox.state() != v1::SANDBOX_READY) continue;
    waiting = true;
    std::string id = sandbox.id();
    if (absl::Now() < clean_retry_) {
      WakeAt(clean_retry_);
      continue;
    }
    EndSandbox(id);
  }
  if (waiting || mounting_) return;
  clean_backoff_.Reset();
  clean_retry_ = absl::InfinitePast();
  state_ = State::kTerminated;
  deps_->prober->RemovePod(uid_);
}

void Worker::OnSandboxStopped(const std::string& id, absl::Status status) {
  stopping_sandboxes_.erase(id);
  if (status.ok() || absl::IsNotFound(status)) {
    for (v1::PodSandboxStatus sandbox : facts_.sandboxes()) {
      if (sandbox.id() != id) continue;
      sandbox.set_state(v1::SANDBOX_NOTREADY);
      facts_.ObserveSandbox(sandbox);
      break;
    }
    return Sync();
  }
  absl::Time now = absl::Now();
  Event("", EventType::kWarning, "FailedKillPod",
        absl::StrCat("error killing pod: failed to stop sandbox: ",
                     status.message()));
  clean_backoff_.Next(now, now);
  clean_retry_ = now + clean_backoff_.delay();
  WakeAt(clean_retry_);
}

void Worker::StopContainer(ContainerFact& fact, absl::Time deadline,
                           const std::string& message) {
  const std::string id = fact.id();
  const std::string name = fact.cri.metadata().name();
  auto [it, fresh] = stops_.try_emplace(id);
  Stop& stop = it->second;
  if (!fresh) {
    if (deadline >= stop.deadline) return;
    stop.deadline = deadline;
    if (stop.hook_running) return LimitHook(id, name, deadline);
    // The server takes a later call with a shorter grace into account.
    return CallStop(id);
  }
  stop.deadline = deadline;
  Event(name, EventType::kNormal, "Killing", message);
  deps_->prober->Stopping(id);
  auto hook = fact.cri.annotations().find(kPreStop);
  absl::Duration left = deadline - absl::Now();
  if (hook == fact.cri.annotations().end() || left <= absl::ZeroDuration()) {
    return CallStop(id);
  }
  stop.hook_running = true;
  const auto* sandbox = facts_.newest_sandbox();
  probe::RunHook(deps_->cri, deps_->net, deps_->executor, pod_, name,
                 hook->second, id,
                 sandbox == nullptr ? "" : sandbox->network().ip(), left,
                 [weak = weak_from_this(), id, name](absl::Status result) {
                   auto self = weak.lock();
                   if (self == nullptr) return;
                   self->Post([id, name, result](Worker& w) {
                     w.EndHook(id, name, result);
                   });
                 });
}

void Worker::EndHook(const std::string& id, const std::string& name,
                     const absl::Status& result) {
  auto it = stops_.find(id);
  if (it == stops_.end() || !std::exchange(it->second.hook_running, false)) {
    return;
  }
  if (!result.ok()) {
    Event(name, EventType::kWarning, "FailedPreStopHook",
          absl::StrCat("PreStopHook failed: ", result.message()));
  }
  CallStop(id);
}

void Worker::LimitHook(const std::string& id, const std::string& name,
                       absl::Time deadline) {
  deps_->executor->PostAt(deadline, [weak = weak_from_this(), id, name] {
    auto self = weak.lock();
    if (self == nullptr) return;
    self->Post([id, name](Worker& w) {
      w.EndHook(id, name,
                absl::DeadlineExceededError(
                    "hook did not end in its shortened grace period"));
    });
  });
}

void Worker::CallStop(const std::string& id) {
  auto it = stops_.find(id);
  if (it == stops_.end()) return;
  ++it->second.calls;
  absl::Duration grace = std::max(it->second.deadline - absl::Now(), kMinGrace);
  deps_->cri->StopContainer(
      id, grace, [weak = weak_from_this(), id](absl::Status status) {
        if (auto self = weak.lock()) {
          self->Post([id, status](Worker& w) { w.OnStopped(id, status); });
        }
      });
}

void Worker::OnStopped(const std::string& id, absl::Status status) {
  auto it = stops_.find(id);
  if (it != stops_.end() && --it->second.calls > 0) return;
  if (!status.ok() && !absl::IsNotFound(status)) {
    log::Warning("pod ", status::Describe(*pod_), ": stop container ", id, ": ",
                 status.message());
    stops_.erase(id);
    WakeAt(absl::Now() + absl::Seconds(1));
    return;
  }
  deps_->cri->ContainerStatus(
      id,
      [weak = weak_from_this(), id](absl::StatusOr<v1::ContainerStatus> found) {
        auto self = weak.lock();
        if (self == nullptr) return;
        self->Post([id, found = std::move(found)](Worker& w) {
          w.stops_.erase(id);
          if (found.ok()) {
            w.ContainerNews(*found, "");
          } else if (absl::IsNotFound(found.status())) {
            w.facts_.ForgetContainer(id);
          }
          w.Sync();
        });
      });
}

void Worker::SyncTerminated() {
  if (absl::Now() < clean_retry_) return WakeAt(clean_retry_);
  if (!cleaned_) Clean();
  bool leave = removed_ || runtime::Has(runtime::At(*pod_, "metadata"),
                                        "deletionTimestamp");
  if (!cleaned_ || !leave) return;
  // By value: a removed sandbox leaves the list.
  std::vector<v1::PodSandboxStatus> sandboxes = facts_.sandboxes();
  for (const auto& sandbox : sandboxes) {
    std::string id = sandbox.id();
    if (!removing_sandboxes_.insert(id).second) continue;
    deps_->cri->RemovePodSandbox(id, [weak = weak_from_this(),
                                      id](absl::Status status) {
      if (auto self = weak.lock()) {
        self->Post([id, status](Worker& w) { w.OnSandboxRemoved(id, status); });
      }
    });
  }
  if (!sandboxes.empty()) return;
  if (!files_removed_) {
    if (absl::Status status = RemoveFiles(); !status.ok()) {
      absl::Time now = absl::Now();
      if (clean_backoff_.delay() >= absl::Seconds(1)) {
        log::Warning("pod ", status::Describe(*pod_),
                     ": remove: ", status.message());
      }
      clean_backoff_.Next(now, now);
      clean_retry_ = now + clean_backoff_.delay();
      return WakeAt(clean_retry_);
    }
    files_removed_ = true;
  }
  if (removed_) return Finish();
  if (deleting_) return;
  deleting_ = true;
  deps_->writer->Delete(pod_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Remove();
  });
}

void Worker::OnSandboxRemoved(const std::string& id, absl::Status status) {
  removing_sandboxes_.erase(id);
  if (status.ok() || absl::IsNotFound(status)) {
    facts_.ForgetSandbox(id);
    return Sync();
  }
  absl::Time now = absl::Now();
  log::Warning("pod ", status::Describe(*pod_), ": remove sandbox ", id, ": ",
               status.message());
  clean_backoff_.Next(now, now);
  clean_retry_ = now + clean_backoff_.delay();
  WakeAt(clean_retry_);
}

// What a finished pod gives back at once; its records and logs stay until it is
// deleted.
void Worker::Clean() {
  absl::Status status = deps_->volumes->Unmount(uid_);
  if (!status.ok()) {
    absl::Time now = absl::Now();
    Event("", EventType::kWarning, "FailedKillPod",
          absl::StrCat("error unmounting volumes: ", status.message()));
    clean_backoff_.Next(now, now);
    clean_retry_ = now + clean_backoff_.delay();
    return WakeAt(clean_retry_);
  }
  // Cgroups of containers may stay until their records go: tried again then.
  (void)deps_->cgroups->RemovePod(uid_);
  if (deps_->objects != nullptr) deps_->objects->Unregister(uid_);
  cleaned_ = true;
}

absl::Status Worker::RemoveFiles() {
  RETURN_IF_ERROR(EndPod(*deps_->cgroups, uid_));
  RETURN_IF_ERROR(runtime::RemoveTree(PodDir(deps_->options, uid_)));
  RETURN_IF_ERROR(runtime::RemoveTree(LogDir(deps_->options, *pod_)));
  return RemoveDeadLogLinks(deps_->options.container_logs_dir,
                            deps_->options.pod_logs_dir);
}

void Worker::Finish() {
  state_ = State::kDone;
  deps_->prober->RemovePod(uid_);
  deps_->writer->Forget(uid_);
  deps_->on_done(uid_);
}

}  // namespace agent::pod
