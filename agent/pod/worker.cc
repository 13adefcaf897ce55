// SPDX-License-Identifier: Apache-2.0
// Intake, deadlines, timers: what is common to all states of a worker.
#include "agent/pod/worker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace agent::pod {
namespace {

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
  return status::IsTerminal(runtime::StringAt(*status_, "phase"));
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

}  // namespace agent::pod
