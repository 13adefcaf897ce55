// SPDX-License-Identifier: Apache-2.0
// What the HTTPS server asks of the engine: pod list and log files.
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/pod/engine_impl.h"

namespace agent::pod {
namespace {

const Json& ContainerStatusOf(const Json& status, const std::string& name) {
  static const Json* const kNone = new Json();
  for (const char* list : {"containerStatuses", "initContainerStatuses",
                           "ephemeralContainerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(status, list)) {
      if (runtime::StringAt(item, "name") == name) return item;
    }
  }
  return *kNone;
}

absl::Status WaitingToStart(const std::string& container,
                            const std::string& pod, const std::string& reason) {
  std::string why = reason;
  if (reason == "ErrImagePull") why = "image can't be pulled";
  if (reason == "ImagePullBackOff") why = "trying and failing to pull image";
  return absl::FailedPreconditionError(
      absl::StrCat("container \"", container, "\" in pod \"", pod,
                   "\" is waiting to start: ", why));
}

// The CRI ID of the attempt whose log is asked for.
absl::StatusOr<std::string> AttemptOf(const Json& status,
                                      const std::string& pod,
                                      const std::string& container,
                                      bool previous) {
  const Json& item = ContainerStatusOf(status, container);
  if (item.is_null()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "container \"", container, "\" in pod \"", pod, "\" is not available"));
  }
  const Json& last = runtime::At(item, {"lastState", "terminated"});
  std::string last_id = runtime::StringAt(last, "containerID");
  if (previous) {
    if (!last_id.empty()) return last_id;
    return absl::FailedPreconditionError(
        absl::StrCat("previous terminated container \"", container,
                     "\" in pod \"", pod, "\" not found"));
  }
  const Json& state = runtime::At(item, "state");
  if (runtime::Has(state, "running")) {
    return runtime::StringAt(item, "containerID");
  }
  if (runtime::Has(state, "terminated")) {
    std::string id = runtime::StringAt(state, {"terminated", "containerID"});
    return id.empty() ? runtime::StringAt(item, "containerID") : id;
  }
  if (!last_id.empty()) return last_id;
  return WaitingToStart(container, pod,
                        runtime::StringAt(state, {"waiting", "reason"}));
}

}  // namespace

std::vector<Json> EngineImpl::List() {
  std::vector<std::shared_ptr<Worker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [uid, entry] : workers_) {
      if (entry.origin != Origin::kOrphan) workers.push_back(entry.worker);
    }
  }
  std::vector<Json> out;
  for (auto& worker : workers) {
    PodSnapshot snapshot = worker->Snapshot();
    Json pod = *snapshot.pod;
    pod["status"] = *snapshot.status;
    out.push_back(std::move(pod));
  }
  return out;
}

Json EngineImpl::Waits() {
  std::vector<std::shared_ptr<Worker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [uid, entry] : workers_) workers.push_back(entry.worker);
  }
  const absl::Time now = absl::Now();
  Json pods = Json::array();
  for (auto& worker : workers) {
    Json waits = Json::array();
    for (const Wait& wait : worker->Snapshot().waits) {
      Json item{{"text", wait.text}};
      if (wait.until > now && wait.until != absl::InfiniteFuture()) {
        item["seconds"] = absl::ToDoubleSeconds(wait.until - now);
      }
      waits.push_back(std::move(item));
    }
    if (waits.empty()) continue;
    pods.push_back({{"uid", worker->uid()}, {"waits", std::move(waits)}});
  }
  return pods;
}

absl::StatusOr<server::LogLocation> EngineImpl::ContainerLog(
    const std::string& ns, const std::string& pod, const std::string& container,
    bool previous) {
  std::shared_ptr<Worker> worker;
  {
    absl::MutexLock lock(&mutex_);
    auto name = names_.find(absl::StrCat(ns, "/", pod));
    if (name != names_.end()) {
      worker = workers_[name->second.front()].worker;
    }
  }
  if (worker == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("pod \"", pod, "\" does not exist"));
  }
  PodSnapshot snapshot = worker->Snapshot();
  if (status::FindContainer(*snapshot.pod, container).is_null()) {
    return absl::NotFoundError(absl::StrCat(
        "container \"", container, "\" not found in pod \"", pod, "\""));
  }
  auto found = AttemptOf(*snapshot.status, pod, container, previous);
  if (!found.ok()) return found.status();
  absl::string_view id = *found;
  if (size_t at = id.find("://"); at != absl::string_view::npos) {
    id.remove_prefix(at + 3);
  }
  for (const auto& attempt : snapshot.containers[container]) {
    if (attempt.id != id) continue;
    server::LogLocation out;
    out.path = attempt.log_path;
    out.container_id = attempt.id;
    out.running = attempt.state == v1::CONTAINER_RUNNING;
    return out;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("unable to retrieve container logs for ", *found,
                   ": the runtime has removed it"));
}

}  // namespace agent::pod
