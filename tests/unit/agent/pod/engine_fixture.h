// SPDX-License-Identifier: Apache-2.0
// The engine as a whole, over a CRI server and an API server in memory.
#ifndef CORACLE_TESTS_UNIT_AGENT_POD_ENGINE_FIXTURE_H_
#define CORACLE_TESTS_UNIT_AGENT_POD_ENGINE_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/pod/engine.h"
#include "agent/volume/manager.h"
#include "runtime/base/file.h"
#include "tests/support/fake_cri.h"
#include "tests/support/fake_object_source.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {

using runtime::Json;
using tests::FakeCri;
using tests::IsOk;
using World = FakeCri::World;
namespace v1 = ::runtime::v1;

// An API server that holds pods: lists, watches, status patches, deletions.
class FakeCluster : public api::Client {
 public:
  void Set(Json pod) {
    absl::MutexLock lock(&mutex_);
    SetLocked(std::move(pod), "MODIFIED");
  }
  void Drop(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    auto node = pods_.extract(name);
    if (!node.empty()) events_.push_back({"DELETED", node.mapped()});
  }
  // Lists that need not be current are empty, as from a cache that is behind.
  void ServeOldLists() {
    absl::MutexLock lock(&mutex_);
    old_lists_ = true;
  }
  // What the node controller does to a pod of a node that it has not heard of.
  void MarkNotReady(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    Json pod = pods_[name];
    for (Json& item : pod["status"]["conditions"]) {
      if (item["type"] == "Ready") item["status"] = "False";
    }
    SetLocked(std::move(pod), "MODIFIED");
  }
  bool WaitFor(const std::string& name,
               const std::function<bool(const Json&)>& ready) {
    absl::MutexLock lock(&mutex_);
    auto check = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      auto it = pods_.find(name);
      return ready(it == pods_.end() ? Json() : it->second);
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&check), absl::Seconds(20));
  }
  bool WasTold(const std::string& reason) {
    absl::MutexLock lock(&mutex_);
    for (const Json& event : recorded_) {
      if (event["reason"] == reason) return true;
    }
    return false;
  }
  bool WaitForMessage(const std::string& message) {
    absl::MutexLock lock(&mutex_);
    const auto check = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::any_of(
          recorded_.begin(), recorded_.end(),
          [&](const Json& event) { return event["message"] == message; });
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&check), absl::Seconds(20));
  }
  void ForgetWrites() {
    absl::MutexLock lock(&mutex_);
    written_.clear();
  }
  // Whether a status that was written to this pod was ever so.
  bool WasEver(const std::string& name,
               const std::function<bool(const Json&)>& so) {
    absl::MutexLock lock(&mutex_);
    for (const Json& pod : written_) {
      if (pod["metadata"]["name"] == name && so(pod)) return true;
    }
    return false;
  }
  bool WaitForEvent(const std::string& reason, const std::string& text) {
    absl::MutexLock lock(&mutex_);
    auto check = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      for (const Json& event : recorded_) {
        if (event["reason"] == reason &&
            runtime::StringAt(event, "message").find(text) !=
                std::string::npos) {
          return true;
        }
      }
      return false;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&check), absl::Seconds(20));
  }

  absl::StatusOr<Json> Get(const std::string& path,
                           const api::Query& query) override {
    if (path.find("/nodes/") != std::string::npos) {
      return Json{{"metadata", {{"uid", "node-uid"}}}};
    }
    absl::MutexLock lock(&mutex_);
    Json items = Json::array();
    bool old = false;
    for (const auto& [key, value] : query) {
      old |= old_lists_ && key == "resourceVersion" && value == "0";
    }
    if (!old) {
      for (const auto& [name, pod] : pods_) items.push_back(pod);
    }
    return Json{{"metadata", {{"resourceVersion", "1"}}}, {"items", items}};
  }
  absl::StatusOr<Json> Create(const std::string& path, const Json& object,
                              const api::Query&) override {
    absl::MutexLock lock(&mutex_);
    if (path.find("/events") != std::string::npos) {
      recorded_.push_back(object);
    } else {
      Json pod = object;
      pod["metadata"]["uid"] = absl::StrCat("made-", ++made_);
      SetLocked(std::move(pod), "ADDED");
    }
    return object;
  }
  absl::StatusOr<Json> Update(const std::string&, const Json& object) override {
    return object;
  }
  absl::StatusOr<Json> Patch(const std::string& path, api::PatchType,
                             const Json& patch) override {
    if (path.find("/events/") != std::string::npos) return patch;
    absl::MutexLock lock(&mutex_);
    auto it = pods_.find(NameIn(path));
    if (it == pods_.end()) return absl::NotFoundError("pod");
    if (it->second["metadata"]["uid"] != patch["metadata"]["uid"]) {
      return absl::AbortedError("uid");
    }
    // Enough of a strategic merge: lists of conditions by type.
    Json& status = it->second["status"];
    for (const auto& [key, value] : patch["status"].items()) {
      if (key != "conditions") {
        status[key] = value;
        continue;
      }
      for (const Json& item : value) {
        bool found = false;
        for (Json& old : status["conditions"]) {
          if (old["type"] != item["type"]) continue;
          old.update(item);
          found = true;
        }
        if (!found) status["conditions"].push_back(item);
      }
    }
    it->second["metadata"]["resourceVersion"] = std::to_string(++version_);
    events_.push_back({"MODIFIED", it->second});
    written_.push_back(it->second);
    return it->second;
  }
  absl::Status Delete(const std::string& path, const Json& options) override {
    absl::MutexLock lock(&mutex_);
    auto it = pods_.find(NameIn(path));
    if (it == pods_.end()) return absl::NotFoundError("pod");
    EXPECT_EQ(options["gracePeriodSeconds"], 0);
    EXPECT_EQ(options["preconditions"]["uid"], it->second["metadata"]["uid"]);
    events_.push_back({"DELETED", it->second});
    pods_.erase(it);
    return absl::OkStatus();
  }
  absl::Status Watch(const std::string&, const api::Query&,
                     const api::CancelToken& cancel, const OnEvent& on_event,
                     const std::function<void()>& on_open) override {
    if (on_open) on_open();
    while (!cancel.cancelled()) {
      api::WatchEvent event;
      {
        absl::MutexLock lock(&mutex_);
        auto any = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
          return !events_.empty();
        };
        if (!mutex_.AwaitWithTimeout(absl::Condition(&any),
                                     absl::Milliseconds(50))) {
          continue;
        }
        event = std::move(events_.front());
        events_.pop_front();
      }
      if (!on_event(std::move(event))) break;
    }
    return absl::CancelledError("");
  }

 private:
  static std::string NameIn(std::string path) {
    size_t at = path.find("/pods/") + 6;
    return path.substr(at, path.find('/', at) - at);
  }
  void SetLocked(Json pod, const char* type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string name = pod["metadata"]["name"].get<std::string>();
    if (pods_.contains(name) && !pod.contains("status")) {
      pod["status"] = pods_[name]["status"];
    }
    pod["metadata"]["resourceVersion"] = std::to_string(++version_);
    pods_[name] = pod;
    events_.push_back({type, std::move(pod)});
  }

  absl::Mutex mutex_;
  std::map<std::string, Json> pods_ ABSL_GUARDED_BY(mutex_);
  std::deque<api::WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<Json> recorded_ ABSL_GUARDED_BY(mutex_);
  std::vector<Json> written_ ABSL_GUARDED_BY(mutex_);
  bool old_lists_ ABSL_GUARDED_BY(mutex_) = false;
  int made_ ABSL_GUARDED_BY(mutex_) = 0;
  int version_ ABSL_GUARDED_BY(mutex_) = 100;
};

inline Json Pod(const std::string& name, const std::string& uid,
                const std::string& policy = "Always") {
  return {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", name}, {"namespace", "ns"}, {"uid", uid}}},
      {"spec",
       {{"restartPolicy", policy},
        {"nodeName", "node1"},
        {"containers", Json::array({{{"name", "c"},
                                     {"image", "img:1"},
                                     {"imagePullPolicy", "IfNotPresent"}}})}}}};
}

inline bool IsReady(const Json& pod) {
  for (const Json& item :
       runtime::ArrayAt(runtime::At(pod, "status"), "conditions")) {
    if (item["type"] == "Ready") return item["status"] == "True";
  }
  return false;
}

inline std::string PhaseOf(const Json& pod) {
  return runtime::StringAt(pod, {"status", "phase"});
}

// Volumes on disk, but for the tmpfs of the containers' files: unit tests mount
// nothing.
class PlainVolumes : public volume::Manager {
 public:
  explicit PlainVolumes(const volume::Options& options)
      : kubelet_dir_(options.kubelet_dir),
        manager_(volume::MakeManager(options)) {}
  absl::StatusOr<volume::HostPaths> Mount(const Json& pod) override {
    return manager_->Mount(pod);
  }
  absl::StatusOr<std::vector<volume::ContainerMount>> ContainerMounts(
      const Json& pod, const Json& container, const volume::HostPaths& paths,
      const std::map<std::string, std::string>& env) override {
    return manager_->ContainerMounts(pod, container, paths, env);
  }
  absl::StatusOr<std::string> ContainerFiles(const std::string& uid) override {
    const std::string path =
        absl::StrCat(kubelet_dir_, "/pods/", uid, "/containers");
    const absl::Status made = runtime::MakeDirs(path);
    if (!made.ok()) return made;
    return path;
  }
  absl::Status Unmount(const std::string& uid) override {
    return manager_->Unmount(uid);
  }
  std::vector<std::string> Existing() override { return manager_->Existing(); }

 private:
  const std::string kubelet_dir_;
  const std::unique_ptr<volume::Manager> manager_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() { cri_.AddImage("img:1"); }
  ~EngineTest() override { Stop(); }

  void Begin(bool cluster = true, bool manifests = false) {
    EngineOptions options;
    options.node_name = "node1";
    options.kubelet_dir = dir_.path() + "/kubelet";
    options.pod_logs_dir = dir_.path() + "/logs";
    options.container_logs_dir = dir_.path() + "/links";
    if (manifests) options.static_pod_dir = dir_.path() + "/manifests";
    options.cgroup_root = "";
    options.first_pull_report = first_pull_report_;
    options.node.name = "node1";
    options.node.host_ips = {"192.0.2.1"};
    options.dns.resolv_conf = "/dev/null";
    volumes_ = std::make_unique<PlainVolumes>(
        volume::Options{options.kubelet_dir, &objects_, options.node});
    engine_ = MakeEngine(options, cri_.channel(), cluster ? &cluster_ : nullptr,
                         &objects_, volumes_.get());
    ASSERT_THAT(engine_->Start(), IsOk());
  }
  void Stop() {
    if (engine_ == nullptr) return;
    engine_->Stop();
    engine_.reset();
  }
  bool WaitForPhase(const std::string& name, const std::string& phase) {
    return cluster_.WaitFor(
        name, [&](const Json& pod) { return PhaseOf(pod) == phase; });
  }

  absl::Duration first_pull_report_ = absl::Seconds(30);
  tests::TempDir dir_;
  FakeCri cri_;
  FakeCluster cluster_;
  object::FakeSource objects_;
  std::unique_ptr<volume::Manager> volumes_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace agent::pod

#endif  // CORACLE_TESTS_UNIT_AGENT_POD_ENGINE_FIXTURE_H_
