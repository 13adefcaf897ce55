// SPDX-License-Identifier: Apache-2.0
#include "agent/status/recorder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "agent/status/spec.h"
#include "runtime/base/log.h"

namespace agent::status {
namespace {

namespace log = ::runtime::log;

constexpr double kBurst = 25;
constexpr double kKept = 15;  // of these, for all but progress
constexpr absl::Duration kRefill = absl::Minutes(5);  // one token
constexpr absl::Duration kPatience = absl::Milliseconds(700);
constexpr absl::Duration kSameEvent = absl::Minutes(10);
constexpr size_t kMaxKeys = 4096;

Json MakeEvent(const Json& pod, const std::string& field_path, EventType type,
               const std::string& reason, const std::string& message,
               const std::string& node, int64_t unique, absl::Time now) {
  const Json& meta = runtime::At(pod, "metadata");
  Json involved = {{"kind", "Pod"},
                   {"apiVersion", "v1"},
                   {"namespace", Namespace(pod)},
                   {"name", Name(pod)},
                   {"uid", Uid(pod)}};
  if (runtime::Has(meta, "resourceVersion")) {
    involved["resourceVersion"] = runtime::StringAt(meta, "resourceVersion");
  }
  if (!field_path.empty()) involved["fieldPath"] = field_path;
  std::string time = FormatApiTime(now);
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          {"metadata",
           {{"name", absl::StrFormat("%s.%x", Name(pod), unique)},
            {"namespace", Namespace(pod)}}},
          {"involvedObject", involved},
          {"reason", reason},
          {"message", message.substr(0, 1024)},
          {"source", {{"component", "kubelet"}, {"host", node}}},
          {"reportingComponent", "kubelet"},
          {"reportingInstance", node},
          {"firstTimestamp", time},
          {"lastTimestamp", time},
          {"count", 1},
          {"type", type == EventType::kWarning ? "Warning" : "Normal"}};
}

}  // namespace

Recorder::Recorder(api::Client* client, runtime::Executor* executor,
                   std::string node_name)
    : client_(client),
      executor_(executor),
      node_name_(std::move(node_name)),
      queue_(executor) {}

bool Recorder::Allowed(const std::string& object, EventType type,
                       absl::Time now) {
  auto [it, fresh] = budgets_.try_emplace(object);
  Budget& budget = it->second;
  if (fresh) budget.refilled = now;
  double earned = absl::FDivDuration(now - budget.refilled, kRefill);
  budget.tokens = std::min(kBurst, budget.tokens + earned);
  budget.refilled = now;
  const double kept = type == EventType::kProgress ? kKept : 0;
  if (budget.tokens < kept + 1) return false;
  budget.tokens -= 1;
  return true;
}

void Recorder::Trim() {
  if (seen_.size() < kMaxKeys && budgets_.size() < kMaxKeys) return;
  absl::Time limit = absl::Now() - kSameEvent;
  std::erase_if(seen_, [&](const auto& e) { return e.second.last < limit; });
  std::erase_if(budgets_,
                [&](const auto& e) { return e.second.refilled < limit; });
  if (seen_.size() >= kMaxKeys) seen_.clear();
  if (budgets_.size() >= kMaxKeys) budgets_.clear();
}

void Recorder::Event(const Json& pod, const std::string& field_path,
                     EventType type, const std::string& reason,
                     const std::string& message) {
  log::Info("pod ", Namespace(pod), "/", Name(pod),
            field_path.empty() ? "" : " ", field_path, " ", reason, ": ",
            message);
  if (client_ == nullptr) return;
  absl::Time now = absl::Now();
  std::string key =
      absl::StrCat(Uid(pod), "\n", field_path, "\n", reason, "\n", message);
  Json event;
  {
    absl::MutexLock lock(&mutex_);
    if (!Allowed(Uid(pod), type, now)) return;
    Trim();
    // Unique although two events may fall into one nanosecond.
    last_name_ = std::max(last_name_ + 1, absl::ToUnixNanos(now));
    event = MakeEvent(pod, field_path, type, reason, message, node_name_,
                      last_name_, now);
  }
  // Good news can wait: in a burst the pods' own statuses go first.
  auto post = [this, key = std::move(key), event = std::move(event)] {
    Post(key, event);
  };
  if (type == EventType::kWarning) return queue_.Post(std::move(post));
  executor_->PostAfter(kPatience,
                       [this, post = std::move(post)] { queue_.Post(post); });
}

void Recorder::Post(const std::string& key, const Json& event) {
  if (stopped_) return;
  std::string path = absl::StrCat(
      "/api/v1/namespaces/",
      runtime::StringAt(event, {"metadata", "namespace"}), "/events");
  Json known;
  int64_t count = 1;
  {
    absl::MutexLock lock(&mutex_);
    auto it = seen_.find(key);
    if (it != seen_.end() && absl::Now() - it->second.last < kSameEvent) {
      known = it->second.object;
      count = it->second.count + 1;
    }
  }
  absl::StatusOr<Json> result = absl::NotFoundError("");
  if (known.is_object()) {
    Json patch = {{"count", count},
                  {"lastTimestamp", runtime::At(event, "lastTimestamp")}};
    result = client_->Patch(
        absl::StrCat(path, "/", runtime::StringAt(known, {"metadata", "name"})),
        api::PatchType::kStrategicMerge, patch);
  }
  if (absl::IsNotFound(result.status())) {
    count = 1;
    result = client_->Create(path, event);
  }
  if (!result.ok()) {
    // Events are best effort: a namespace may be going away.
    log::Debug("event ", runtime::StringAt(event, "reason"), ": ",
               result.status().message());
    return;
  }
  Json small = {{"metadata",
                 {{"name", runtime::StringAt(*result, {"metadata", "name"})}}}};
  absl::MutexLock lock(&mutex_);
  seen_[key] = Entry{std::move(small), count, absl::Now()};
}

}  // namespace agent::status
