// SPDX-License-Identifier: Apache-2.0
// From the sources to the workers: one worker per UID, one pod per name at a
// time, admission, orphans.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/pod/engine_impl.h"
#include "agent/pod/labels.h"
#include "agent/pod/log_links.h"
#include "agent/pod/paths.h"
#include "agent/pod/security.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

std::string FullName(const Json& pod) {
  return absl::StrCat(status::Namespace(pod), "/", status::Name(pod));
}

std::string Shortage(const char* resource, int64_t requested, int64_t used,
                     int64_t capacity) {
  return absl::StrCat(
      "Pod was rejected: Node didn't have enough resource: ", resource,
      ", requested: ", requested, ", used: ", used, ", capacity: ", capacity);
}

// Bookkeeping of the API server, often the larger part of an object.
void DropManagedFields(Json& pod) {
  if (pod.is_object() && pod.contains("metadata") &&
      pod["metadata"].is_object()) {
    pod["metadata"].erase("managedFields");
  }
}

// A pod that only the runtime remembers, as far as its labels tell.
PodPtr OrphanPod(const std::string& uid, const Facts& facts) {
  std::string name = uid, ns = "default";
  if (const auto* sandbox = facts.newest_sandbox()) {
    name = sandbox->metadata().name();
    ns = sandbox->metadata().namespace_();
  }
  return std::make_shared<const Json>(
      Json{{"apiVersion", "v1"},
           {"kind", "Pod"},
           {"metadata", {{"name", name}, {"namespace", ns}, {"uid", uid}}},
           {"spec", Json::object()}});
}

}  // namespace

bool EngineImpl::OnApiList(std::vector<Json> pods, bool current) {
  std::set<std::string> uids;
  for (const Json& pod : pods) uids.insert(status::Uid(pod));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return true;
    if (!current && Lacks(uids)) return false;
    for (Json& pod : pods) {
      DropManagedFields(pod);
      auto shared = std::make_shared<const Json>(std::move(pod));
      if (status::IsMirror(*shared)) {
        mirrors_.SetMirror(shared);
      } else {
        Accept(std::move(shared), Origin::kApi);
      }
    }
    RemoveMissing(Origin::kApi, uids);
    api_synced_ = true;
    CleanOrphans();
  }
  mirrors_.Synced();
  return true;
}

bool EngineImpl::Lacks(const std::set<std::string>& uids) const {
  for (const auto& [uid, facts] : adopted_) {
    if (!uids.contains(uid)) return true;
  }
  for (const auto& [uid, entry] : workers_) {
    if (entry.origin == Origin::kApi && !uids.contains(uid)) return true;
  }
  return false;
}

void EngineImpl::OnApiPod(Json pod) {
  DropManagedFields(pod);
  auto shared = std::make_shared<const Json>(std::move(pod));
  if (status::IsMirror(*shared)) return mirrors_.SetMirror(std::move(shared));
  absl::MutexLock lock(&mutex_);
  if (!stopping_) Accept(std::move(shared), Origin::kApi);
}

void EngineImpl::OnApiGone(Json pod) {
  if (status::IsMirror(pod)) {
    return mirrors_.RemoveMirror(FullName(pod), status::Uid(pod));
  }
  auto worker = FindWorker(status::Uid(pod));
  if (worker == nullptr) return;
  // The last object may carry a shorter grace than the one before.
  worker->Update(std::make_shared<const Json>(std::move(pod)));
  worker->Remove();
}

void EngineImpl::OnStaticPods(std::vector<Json> pods) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  std::set<std::string> uids, names;
  for (Json& pod : pods) {
    auto shared = std::make_shared<const Json>(std::move(pod));
    if (!names.insert(FullName(*shared)).second) {
      log::Error("static pod ", FullName(*shared),
                 " is defined twice: the first one counts");
      continue;
    }
    uids.insert(status::Uid(*shared));
    mirrors_.SetStatic(FullName(*shared), shared);
    Accept(std::move(shared), Origin::kStatic);
  }
  for (auto& [uid, entry] : workers_) {
    if (entry.origin != Origin::kStatic || uids.contains(uid)) continue;
    if (!names.contains(entry.worker->full_name())) {
      mirrors_.RemoveStatic(entry.worker->full_name());
    }
  }
  RemoveMissing(Origin::kStatic, uids);
  static_synced_ = true;
  CleanOrphans();
}

void EngineImpl::RemoveMissing(Origin origin,
                               const std::set<std::string>& uids) {
  for (auto& [uid, entry] : workers_) {
    if (entry.origin == origin && !uids.contains(uid)) entry.worker->Remove();
  }
}

void EngineImpl::Accept(PodPtr pod, Origin origin) {
  std::string uid = status::Uid(*pod);
  auto it = workers_.find(uid);
  if (it != workers_.end()) {
    if (origin != Origin::kStatic) it->second.worker->Update(std::move(pod));
    return;
  }
  Facts facts;
  if (auto node = adopted_.extract(uid)) facts = std::move(node.mapped());
  bool known =
      !facts.empty() || runtime::Has(runtime::At(*pod, "status"), "startTime");
  Entry entry;
  entry.origin = origin;
  auto requests = RequestsOfPod(*pod);
  if (requests.ok()) entry.requests = *requests;
  std::pair<std::string, std::string> refusal;
  if (!known && origin != Origin::kOrphan) {
    refusal = Admit(*pod, entry.requests);
    if (!requests.ok()) {
      refusal = {"UnexpectedAdmissionError",
                 std::string(requests.status().message())};
    }
  }
  entry.worker =
      std::make_shared<Worker>(&deps_, std::move(pod), std::move(facts));
  auto& name = names_[entry.worker->full_name()];
  entry.held = !name.empty();
  name.push_back(uid);
  if (!refusal.first.empty()) {
    entry.worker->Reject(refusal.first, refusal.second);
  }
  entry.worker->Start(entry.held);
  if (origin == Origin::kOrphan) entry.worker->Remove();
  workers_.emplace(uid, std::move(entry));
}

std::pair<std::string, std::string> EngineImpl::Admit(
    const Json& pod, const Requests& requests) {
  if (std::string name =
          UnsafeSysctl(pod, deps_.options.allowed_unsafe_sysctls);
      !name.empty()) {
    return {"SysctlForbidden",
            absl::StrCat("forbidden sysctl: \"", name, "\" not allowlisted")};
  }
  int64_t pods = 0;
  Requests used;
  for (const auto& [uid, entry] : workers_) {
    if (!entry.worker->Active()) continue;
    ++pods;
    used.milli_cpu += entry.requests.milli_cpu;
    used.memory += entry.requests.memory;
  }
  const EngineOptions& options = deps_.options;
  if (pods >= options.max_pods) {
    return {"OutOfpods", Shortage("pods", 1, pods, options.max_pods)};
  }
  auto cpu =
      env::QuantityMilli(runtime::StringAt(options.node.allocatable, "cpu"));
  if (cpu.ok() && *cpu > 0 && requests.milli_cpu > 0 &&
      used.milli_cpu + requests.milli_cpu > *cpu) {
    return {"OutOfcpu",
            Shortage("cpu", requests.milli_cpu, used.milli_cpu, *cpu)};
  }
  auto memory =
      env::QuantityBytes(runtime::StringAt(options.node.allocatable, "memory"));
  if (memory.ok() && *memory > 0 && requests.memory > 0 &&
      used.memory + requests.memory > *memory) {
    return {"OutOfmemory",
            Shortage("memory", requests.memory, used.memory, *memory)};
  }
  return {};
}

void EngineImpl::OnWorkerDone(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  auto it = workers_.find(uid);
  if (it == workers_.end()) return;
  auto name = names_.find(it->second.worker->full_name());
  workers_.erase(it);
  if (name == names_.end()) return;
  std::erase(name->second, uid);
  if (name->second.empty()) {
    names_.erase(name);
    return;
  }
  auto next = workers_.find(name->second.front());
  if (next != workers_.end() && std::exchange(next->second.held, false)) {
    next->second.worker->Release();
  }
}

void EngineImpl::CleanOrphans() {
  if (!api_synced_ || !static_synced_ || std::exchange(orphans_done_, true)) {
    return;
  }
  while (!adopted_.empty()) {
    auto first = adopted_.begin();
    PodPtr pod = OrphanPod(first->first, first->second);
    log::Info("pod ", status::Describe(*pod),
              " runs but is wanted no more: ending it");
    Accept(std::move(pod), Origin::kOrphan);  // takes it out of adopted_
  }
  std::set<std::string> wanted;
  for (const auto& [uid, entry] : workers_) wanted.insert(uid);
  deps_.executor->Post(
      [this, weak = std::weak_ptr(self_), wanted = std::move(wanted)] {
        if (auto self = weak.lock()) RemoveOrphanDirs(wanted);
      });
}

// Directories and cgroups of pods that neither a source nor the runtime knows.
void EngineImpl::RemoveOrphanDirs(std::set<std::string> wanted) {
  // A pod that came after the snapshot is in the registry by now.
  auto known = [&](const std::string& uid) {
    return wanted.contains(uid) || FindWorker(uid) != nullptr;
  };
  auto note = [](const absl::Status& status) {
    if (!status.ok()) log::Warning("orphaned pod: ", status.message());
  };
  std::set<std::string> ours;  // no other kubelet's of this host
  for (const std::string& uid : deps_.volumes->Existing()) {
    if (known(uid)) continue;
    ours.insert(uid);
    log::Info("removing the directory of orphaned pod ", uid);
    note(deps_.volumes->Unmount(uid));
    note(runtime::RemoveTree(PodDir(deps_.options, uid)));
  }
  for (const std::string& uid : cgroups_->Existing()) {
    if (known(uid)) continue;
    note(ours.count(uid) > 0 ? EndPod(*cgroups_, uid)
                             : cgroups_->RemovePod(uid));
  }
  const std::string& logs_dir = deps_.options.pod_logs_dir;
  const auto logs = runtime::ListDir(logs_dir);
  note(logs.status());
  for (const std::string& name : logs.value_or(std::vector<std::string>())) {
    // <namespace>_<name>_<uid>
    std::vector<std::string> parts = absl::StrSplit(name, '_');
    if (parts.size() != 3 || known(parts[2])) continue;
    note(runtime::RemoveTree(absl::StrCat(logs_dir, "/", name)));
  }
  // Also those of pods whose logs went before, as by hand.
  note(RemoveDeadLogLinks(deps_.options.container_logs_dir, logs_dir));
}

}  // namespace agent::pod
