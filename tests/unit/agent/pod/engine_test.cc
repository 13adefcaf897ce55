// SPDX-License-Identifier: Apache-2.0
// The engine as a whole, over a CRI server and an API server in memory.
#include "agent/pod/engine.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "agent/volume/manager.h"
#include "runtime/base/executor.h"
#include "runtime/base/file.h"
#include "tests/support/fake_cri.h"
#include "tests/support/fake_object_source.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using runtime::Json;
using testing::HasSubstr;
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
  bool WaitFor(const std::string& name,
               const std::function<bool(const Json&)>& ready) {
    absl::MutexLock lock(&mutex_);
    auto check = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      auto it = pods_.find(name);
      return ready(it == pods_.end() ? Json() : it->second);
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&check), absl::Seconds(20));
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
                           const api::Query&) override {
    if (path.find("/nodes/") != std::string::npos) {
      return Json{{"metadata", {{"uid", "node-uid"}}}};
    }
    absl::MutexLock lock(&mutex_);
    Json items = Json::array();
    for (const auto& [name, pod] : pods_) items.push_back(pod);
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
    events_.push_back({"MODIFIED", it->second});
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
  absl::Status Watch(
      const std::string&, const api::Query&, const api::CancelToken& cancel,
      const std::function<bool(api::WatchEvent)>& on_event) override {
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
    pods_[name] = pod;
    events_.push_back({type, std::move(pod)});
  }

  absl::Mutex mutex_;
  std::map<std::string, Json> pods_ ABSL_GUARDED_BY(mutex_);
  std::deque<api::WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<Json> recorded_ ABSL_GUARDED_BY(mutex_);
  int made_ ABSL_GUARDED_BY(mutex_) = 0;
};

Json Pod(const std::string& name, const std::string& uid,
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

std::string PhaseOf(const Json& pod) {
  return runtime::StringAt(pod, {"status", "phase"});
}

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
    options.node.name = "node1";
    options.node.host_ips = {"192.0.2.1"};
    options.dns.resolv_conf = "/dev/null";
    executor_ = std::make_unique<runtime::Executor>("test", 16);
    volumes_ =
        volume::MakeManager({options.kubelet_dir, &objects_, options.node});
    engine_ = MakeEngine(options, cri_.channel(), cluster ? &cluster_ : nullptr,
                         &objects_, volumes_.get(), executor_.get());
    ASSERT_THAT(engine_->Start(), IsOk());
  }
  void Stop() {
    if (engine_ == nullptr) return;
    engine_->Stop();
    executor_.reset();
    engine_.reset();
  }
  bool WaitForPhase(const std::string& name, const std::string& phase) {
    return cluster_.WaitFor(
        name, [&](const Json& pod) { return PhaseOf(pod) == phase; });
  }

  tests::TempDir dir_;
  FakeCri cri_;
  FakeCluster cluster_;
  object::FakeSource objects_;
  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<volume::Manager> volumes_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, RunsAPodAndReportsIt) {
  cluster_.Set(Pod("p", "u1"));
  Begin();
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  ASSERT_EQ(world.Running(), 1);
  const auto& config = world.configs.begin()->second;
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.uid"), "u1");
  EXPECT_EQ(config.linux().cgroup_parent(), "/kubepods/besteffort/podu1");
  EXPECT_THAT(config.log_directory(), HasSubstr("/logs/ns_p_u1"));
  EXPECT_TRUE(cluster_.WaitForEvent("Started", "Started container c"));
}

TEST_F(EngineTest, DeletedPodEndsCompletely) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Json pod = Pod("p", "u1");
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  pod["metadata"]["deletionGracePeriodSeconds"] = 7;
  cluster_.Set(pod);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& p) { return p.is_null(); }));
  World world = cri_.Look();
  EXPECT_TRUE(world.Called("StopContainer c 7"));
  EXPECT_TRUE(world.sandboxes.empty());
  EXPECT_TRUE(world.containers.empty());
  EXPECT_FALSE(runtime::Exists(dir_.path() + "/kubelet/pods/u1"));
  EXPECT_FALSE(runtime::Exists(dir_.path() + "/logs/ns_p_u1"));
}

TEST_F(EngineTest, ForceDeletedPodIsCleanedUp) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cluster_.Drop("p");
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, RestartOfTheAgentRestartsNothing) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  size_t calls = cri_.Look().calls.size();
  Begin();
  // A second pod shows that the first one has been looked at.
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(WaitForPhase("q", "Running"));
  World world = cri_.Look();
  EXPECT_EQ(world.calls.size(), calls + 3);  // q: sandbox, create, start
  EXPECT_EQ(world.Running(), 2);
}

TEST_F(EngineTest, OrphansEndAfterTheFirstFullList) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  cluster_.Drop("p");
  Begin();
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, ExitedContainerRestartsWithTheNextAttempt) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cri_.Exit("c", 3);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    return !list.empty() && runtime::IntAt(list[0], "restartCount") == 1 &&
           runtime::BoolAt(list[0], "ready");
  }));
  // The second end waits.
  cri_.Exit("c", 4);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    return !list.empty() &&
           runtime::StringAt(list[0], {"state", "waiting", "reason"}) ==
               "CrashLoopBackOff";
  }));
  EXPECT_TRUE(cluster_.WaitForEvent(
      "BackOff", "Back-off restarting failed container c in pod p_ns(u1)"));
}

TEST_F(EngineTest, FinishedPodKeepsItsRecordsUntilDeleted) {
  Begin();
  cluster_.Set(Pod("job", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("job", "Running"));
  cri_.Exit("c", 0);
  ASSERT_TRUE(WaitForPhase("job", "Succeeded"));
  World world = cri_.Look();
  EXPECT_EQ(world.containers.size(), 1u);
  EXPECT_EQ(world.sandboxes.begin()->second.state(), v1::SANDBOX_NOTREADY);
}

TEST_F(EngineTest, NamesakeWaitsForTheOldPod) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cri_.FailWith("StopContainer", {grpc::StatusCode::UNAVAILABLE, "busy"});
  cluster_.Drop("p");
  cluster_.Set(Pod("p", "u2"));
  ASSERT_TRUE(cri_.WaitFor(
      [](const World& w) { return w.Called("StopContainer c 30"); }));
  EXPECT_EQ(cri_.Look().sandboxes.size(), 1u);
  cri_.FailWith("StopContainer", grpc::Status::OK);
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  ASSERT_EQ(world.sandboxes.size(), 1u);
  EXPECT_EQ(world.sandboxes.begin()->second.metadata().uid(), "u2");
}

TEST_F(EngineTest, FailedPullIsShownWithTheRuntimesMessage) {
  Begin();
  cri_.FailWith("PullImage",
                {grpc::StatusCode::NOT_FOUND, "registry.example/x: HTTP 404"});
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["image"] = "registry.example/x:1";
  cluster_.Set(pod);
  auto reason_is = [&](const char* reason) {
    return cluster_.WaitFor("p", [&](const Json& p) {
      const Json& list =
          runtime::ArrayAt(runtime::At(p, "status"), "containerStatuses");
      return !list.empty() &&
             runtime::StringAt(list[0], {"state", "waiting", "reason"}) ==
                 reason &&
             runtime::StringAt(list[0], {"state", "waiting", "message"})
                     .find("HTTP 404") != std::string::npos;
    });
  };
  EXPECT_TRUE(reason_is("ErrImagePull"));
  EXPECT_TRUE(reason_is("ImagePullBackOff"));
}

TEST_F(EngineTest, CommandThatCannotStartEndsWith128) {
  Begin();
  cri_.FailWith("StartContainer",
                {grpc::StatusCode::INVALID_ARGUMENT, "exec /nope: not found"});
  cluster_.Set(Pod("p", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("p", "Failed"));
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    const Json& ended = runtime::At(list[0], {"state", "terminated"});
    return runtime::IntAt(ended, "exitCode") == 128 &&
           runtime::StringAt(ended, "reason") == "StartError" &&
           runtime::StringAt(ended, "message") == "exec /nope: not found";
  }));
}

TEST_F(EngineTest, InitContainersRunInOrderBeforeTheOthers) {
  Begin();
  Json pod = Pod("p", "u1");
  pod["spec"]["initContainers"] =
      Json::array({{{"name", "i"},
                    {"image", "img:1"},
                    {"imagePullPolicy", "IfNotPresent"}}});
  cluster_.Set(pod);
  ASSERT_TRUE(
      cri_.WaitFor([](const World& w) { return w.Find("i") && w.Running(); }));
  EXPECT_EQ(cri_.Look().Find("c"), nullptr);
  cri_.Exit("i", 0);
  EXPECT_TRUE(WaitForPhase("p", "Running"));
}

TEST_F(EngineTest, StandaloneNodeRunsManifests) {
  ASSERT_THAT(runtime::MakeDirs(dir_.path() + "/manifests"), IsOk());
  Begin(/*cluster=*/false, /*manifests=*/true);
  std::string path = dir_.path() + "/manifests/web.yaml";
  ASSERT_THAT(
      runtime::WriteFileAtomic(
          path,
          "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
          "spec: {containers: [{name: c, image: 'img:1', imagePullPolicy: "
          "Never}]}\n"),
      IsOk());
  ASSERT_TRUE(cri_.WaitFor([](const World& w) { return w.Running() == 1; }));
  auto pods = engine_->pods().List();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0]["metadata"]["name"], "web-node1");
  unlink(path.c_str());
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, MirrorPodIsMadeAndMadeAgain) {
  ASSERT_THAT(runtime::MakeDirs(dir_.path() + "/manifests"), IsOk());
  ASSERT_THAT(runtime::WriteFileAtomic(
                  dir_.path() + "/manifests/web.yaml",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
                  "spec: {containers: [{name: c, image: 'img:1'}]}\n"),
              IsOk());
  Begin(/*cluster=*/true, /*manifests=*/true);
  ASSERT_TRUE(WaitForPhase("web-node1", "Running"));
  cluster_.Drop("web-node1");
  ASSERT_TRUE(WaitForPhase("web-node1", "Running"));
  EXPECT_EQ(cri_.Look().Running(), 1);
  EXPECT_FALSE(cri_.Look().Called("StopContainer c 30"));
}

TEST_F(EngineTest, RuntimeWithoutEventsIsRelisted) {
  cri_.SetEvents(false);
  Begin();
  cluster_.Set(Pod("job", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("job", "Running"));
  cri_.Exit("c", 0);
  EXPECT_TRUE(WaitForPhase("job", "Succeeded"));
}

TEST_F(EngineTest, LogOfAWaitingContainerSaysWhy) {
  Begin();
  cri_.FailWith("RunPodSandbox", {grpc::StatusCode::INTERNAL, "no"});
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(cluster_.WaitForEvent("FailedCreatePodSandBox",
                                    "Failed to create pod sandbox: no"));
  auto log = engine_->pods().ContainerLog("ns", "p", "c", false);
  EXPECT_EQ(log.status().message(),
            "container \"c\" in pod \"p\" is waiting to start: "
            "ContainerCreating");
  EXPECT_EQ(engine_->pods().ContainerLog("ns", "x", "c", false).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace agent::pod
