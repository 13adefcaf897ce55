// SPDX-License-Identifier: Apache-2.0
#include "agent/node/node.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "tests/support/status_matchers.h"

namespace agent::node {
namespace {

using runtime::Json;
using runtime::StringAt;

// An API server that holds one Node.
class NodeServer : public api::Client {
 public:
  absl::StatusOr<Json> Get(const std::string& path,
                           const api::Query& query) override {
    absl::MutexLock lock(&mutex_);
    if (node_.is_null()) return absl::NotFoundError(path);
    if (query.empty()) return node_;
    return Json{{"metadata", {{"resourceVersion", "1"}}},
                {"items", Json::array({node_})}};
  }
  absl::StatusOr<Json> Create(const std::string& path, const Json& object,
                              const api::Query&) override {
    absl::MutexLock lock(&mutex_);
    if (absl::EndsWith(path, "/events")) {
      events_.push_back(StringAt(object, "reason"));
      return object;
    }
    if (path != "/api/v1/nodes") return object;
    if (!node_.is_null()) return absl::AlreadyExistsError(path);
    node_ = object;
    node_["metadata"]["uid"] = "uid-1";
    node_["spec"]["podCIDR"] = "10.244.3.0/24";
    node_["spec"]["podCIDRs"] = {"10.244.3.0/24", "fd00:3::/64"};
    return node_;
  }
  absl::StatusOr<Json> Update(const std::string&, const Json& object) override {
    absl::MutexLock lock(&mutex_);
    lease_ = object;
    return object;
  }
  absl::StatusOr<Json> Patch(const std::string& path, api::PatchType,
                             const Json& patch) override {
    absl::MutexLock lock(&mutex_);
    patches_.emplace_back(path, patch);
    if (absl::EndsWith(path, "/status")) {
      node_["status"]["conditions"] = patch["status"]["conditions"];
      node_["metadata"]["resourceVersion"] = std::to_string(++version_);
      events_out_.push_back(node_);
    }
    return node_;
  }
  absl::Status Delete(const std::string&, const Json&) override {
    return absl::OkStatus();
  }
  absl::Status Watch(const std::string&, const api::Query&,
                     const api::CancelToken& cancel, const OnEvent& on_event,
                     const std::function<void()>& on_open) override {
    if (on_open) on_open();
    absl::MutexLock lock(&mutex_);
    ++watches_;
    if (ends_watches_) return absl::OkStatus();
    const auto news = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return !events_out_.empty();
    };
    while (!cancel.cancelled()) {
      if (!mutex_.AwaitWithTimeout(absl::Condition(&news),
                                   absl::Milliseconds(5))) {
        continue;
      }
      const api::WatchEvent event = {"MODIFIED", events_out_.front()};
      events_out_.pop_front();
      mutex_.Unlock();
      const bool more = on_event(event);
      mutex_.Lock();
      if (!more) return absl::OkStatus();
    }
    return absl::CancelledError("");
  }
  // Every watch ends at once, without an error.
  void EndWatches() {
    absl::MutexLock lock(&mutex_);
    ends_watches_ = true;
  }
  bool WaitForWatches(int count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return watches_ >= count;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(10));
  }
  // What the node controller does when it has not heard of the node.
  void SayUnknown() {
    absl::MutexLock lock(&mutex_);
    for (Json& condition : node_["status"]["conditions"]) {
      condition["status"] = "Unknown";
      condition["lastTransitionTime"] = "2020-01-01T00:00:00Z";
    }
    node_["metadata"]["resourceVersion"] = std::to_string(++version_);
    events_out_.push_back(node_);
    patches_.clear();
  }
  int status_patches() {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(
        std::count_if(patches_.begin(), patches_.end(), [](const auto& patch) {
          return absl::EndsWith(patch.first, "/status");
        }));
  }

  void SetNode(Json node) {
    absl::MutexLock lock(&mutex_);
    node_ = std::move(node);
  }
  // Blocks until `found` says so of a patch.
  bool WaitForPatch(
      std::function<bool(const std::string&, const Json&)> found) {
    absl::MutexLock lock(&mutex_);
    const auto any = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      for (const auto& [path, patch] : patches_) {
        if (found(path, patch)) return true;
      }
      return false;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&any), absl::Seconds(10));
  }
  bool WaitForEvent(const std::string& reason) {
    absl::MutexLock lock(&mutex_);
    const auto any = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::find(events_.begin(), events_.end(), reason) != events_.end();
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&any), absl::Seconds(10));
  }
  Json node() {
    absl::MutexLock lock(&mutex_);
    return node_;
  }

 private:
  absl::Mutex mutex_;
  Json node_ ABSL_GUARDED_BY(mutex_), lease_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, Json>> patches_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> events_ ABSL_GUARDED_BY(mutex_);
  std::deque<Json> events_out_ ABSL_GUARDED_BY(mutex_);
  int version_ ABSL_GUARDED_BY(mutex_) = 10;
  int watches_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ends_watches_ ABSL_GUARDED_BY(mutex_) = false;
};

bool SaysReady(const Json& patch, const char* value) {
  for (const Json& condition :
       runtime::ArrayAt(runtime::ObjectAt(patch, "status"), "conditions")) {
    if (StringAt(condition, "type") == "Ready") {
      return StringAt(condition, "status") == value;
    }
  }
  return false;
}

Options SmallOptions() {
  Options options;
  options.identity = {"n1", {"10.0.0.1"}, {}, ""};
  options.runtime = {"coracle", "0.1.0"};
  options.kubelet_dir = "/";
  return options;
}

TEST(NodeTest, RegistersThenSaysReadyAtOnceWhenKicked) {
  NodeServer server;
  std::atomic<bool> ready = false;
  absl::Notification cidr_known;
  Hooks hooks;
  hooks.readiness = [&] { return Readiness{ready, "no network yet"}; };
  hooks.images = [] { return std::vector<Image>(); };
  hooks.on_pod_cidr = [&](const std::string& cidr) {
    EXPECT_EQ(cidr, "10.244.3.0/24,fd00:3::/64");
    cidr_known.Notify();
    return absl::OkStatus();
  };
  Node node(SmallOptions(), hooks, &server);
  ASSERT_THAT(node.Start(), tests::IsOk());
  ASSERT_TRUE(cidr_known.WaitForNotificationWithTimeout(absl::Seconds(10)));
  EXPECT_TRUE(SaysReady(server.node(), "False"));
  EXPECT_TRUE(server.WaitForEvent("Starting"));
  EXPECT_TRUE(server.WaitForEvent("NodeNotReady"));
  ready = true;
  node.Kick();
  EXPECT_TRUE(
      server.WaitForPatch([](const std::string& path, const Json& patch) {
        return path == "/api/v1/nodes/n1/status" && SaysReady(patch, "True");
      }));
  EXPECT_TRUE(server.WaitForEvent("NodeReady"));
  EXPECT_EQ(StringAt(node.Object(), {"metadata", "uid"}), "uid-1");
}

TEST(NodeTest, TakesOverANodeThatExists) {
  NodeServer server;
  server.SetNode(
      {{"metadata", {{"name", "n1"}, {"uid", "old"}, {"labels", {{"z", "1"}}}}},
       {"spec", {{"podCIDR", "10.244.3.0/24"}}},
       {"status",
        {{"nodeInfo", {{"bootID", "another"}}},
         {"conditions",
          {{{"type", "Ready"},
            {"status", "True"},
            {"lastTransitionTime", "2020-01-01T00:00:00Z"}}}}}}});
  Hooks hooks;
  hooks.readiness = [] { return Readiness{true, ""}; };
  hooks.images = [] { return std::vector<Image>(); };
  hooks.on_pod_cidr = [](const std::string&) { return absl::OkStatus(); };
  Node node(SmallOptions(), hooks, &server);
  ASSERT_THAT(node.Start(), tests::IsOk());
  EXPECT_TRUE(server.WaitForEvent("Rebooted"));
  EXPECT_TRUE(server.WaitForPatch([](const std::string& path,
                                     const Json& patch) {
    return path == "/api/v1/nodes/n1" &&
           !StringAt(patch, {"metadata", "labels", "kubernetes.io/hostname"})
                .empty();
  }));
  EXPECT_TRUE(server.WaitForPatch([](const std::string& path,
                                     const Json& patch) {
    return path == "/api/v1/nodes/n1/status" &&
           absl::StrContains(runtime::DumpJson(patch), "2020-01-01T00:00:00Z");
  }));
}

TEST(NodeTest, NodeThatTheControllerGaveUpSaysAtOnceThatItIsReady) {
  NodeServer server;
  Hooks hooks;
  hooks.readiness = [] { return Readiness{true, ""}; };
  hooks.images = [] { return std::vector<Image>(); };
  hooks.on_pod_cidr = [](const std::string&) { return absl::OkStatus(); };
  Options options = SmallOptions();
  // Nothing but the watch can tell.
  options.config.status_update_frequency = absl::Hours(1);
  Node node(options, hooks, &server);
  ASSERT_THAT(node.Start(), tests::IsOk());
  const auto ready = [](const std::string&, const Json& patch) {
    return SaysReady(patch, "True");
  };
  ASSERT_TRUE(server.WaitForPatch(ready));
  server.SayUnknown();
  EXPECT_TRUE(server.WaitForPatch([&](const std::string& path,
                                      const Json& patch) {
    // The transition is now, not what it was before or what the other said.
    return ready(path, patch) &&
           !absl::StrContains(runtime::DumpJson(patch), "2020-01-01T00:00:00Z");
  }));
  node.Stop();
  // Echoes of its own reports are no news. One of the first report may still
  // have been on its way.
  EXPECT_LE(server.status_patches(), 2);
}

TEST(NodeTest, WatchThatEndsAtOnceIsNotRepeatedAtOnce) {
  NodeServer server;
  server.EndWatches();
  Hooks hooks;
  hooks.readiness = [] { return Readiness{true, ""}; };
  hooks.images = [] { return std::vector<Image>(); };
  hooks.on_pod_cidr = [](const std::string&) { return absl::OkStatus(); };
  Node node(SmallOptions(), hooks, &server);
  ASSERT_THAT(node.Start(), tests::IsOk());
  ASSERT_TRUE(server.WaitForWatches(1));
  const absl::Time first = absl::Now();
  ASSERT_TRUE(server.WaitForWatches(4));
  // Pauses of 0.2, 0.4 and 0.8 seconds.
  EXPECT_GE(absl::Now() - first, absl::Seconds(1));
}

TEST(NodeTest, RefusesABadQuantityAtOnce) {
  NodeServer server;
  Options options = SmallOptions();
  options.config.kube_reserved = {{"cpu", "much"}};
  Node node(options, {}, &server);
  EXPECT_THAT(node.Start(),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              testing::HasSubstr("kubeReserved.cpu")));
}

}  // namespace
}  // namespace agent::node
