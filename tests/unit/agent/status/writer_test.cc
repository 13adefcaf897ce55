// SPDX-License-Identifier: Apache-2.0
#include "agent/status/writer.h"

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "tests/support/fake_api_client.h"

namespace agent::status {
namespace {

constexpr char kPath[] = "/api/v1/namespaces/ns/pods/p";

Json Pod(const std::string& uid) {
  return {{"metadata", {{"name", "p"}, {"namespace", "ns"}, {"uid", uid}}}};
}

std::shared_ptr<const Json> Running(const char* ready) {
  return std::make_shared<const Json>(
      Json{{"phase", "Running"},
           {"conditions", Json::array({{{"type", "Ready"},
                                        {"status", ready},
                                        {"observedGeneration", 1}}})}});
}

// One pod on an API server; every write gives it a new version.
class PodServer {
 public:
  PodServer() {
    client_.OnPatch(
        [this](const std::string&, const Json& patch) { return Write(patch); });
    absl::MutexLock lock(&mutex_);
    pod_ = Pod("u");
    Store();
  }

  api::Client* client() { return &client_; }
  // The next writes are refused.
  void Refuse(absl::Status status, int times) {
    absl::MutexLock lock(&mutex_);
    refusal_ = std::move(status);
    refusals_ = times;
  }
  // Fields of a condition that this server does not keep.
  void Prune(const std::string& field) {
    absl::MutexLock lock(&mutex_);
    pruned_ = field;
  }
  // Its phase is always this one, whatever is written.
  void Insist(const std::string& phase) {
    absl::MutexLock lock(&mutex_);
    insisted_ = phase;
  }
  // Another client writes a condition.
  Json SetCondition(const std::string& type, const std::string& status) {
    absl::MutexLock lock(&mutex_);
    MergeCondition({{"type", type}, {"status", status}});
    Store();
    return pod_;
  }
  void Replace(const std::string& uid) {
    absl::MutexLock lock(&mutex_);
    pod_ = Pod(uid);
    Store();
  }
  Json pod() {
    absl::MutexLock lock(&mutex_);
    return pod_;
  }
  std::string Condition(const std::string& type) {
    absl::MutexLock lock(&mutex_);
    return ConditionLocked(type);
  }
  // Blocks until it has had so many writes, refused ones too.
  bool WaitForWrites(int count) {
    absl::MutexLock lock(&mutex_);
    auto enough = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return writes_ >= count;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }
  bool WaitForCondition(const std::string& type, const std::string& status) {
    absl::MutexLock lock(&mutex_);
    auto is = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return ConditionLocked(type) == status;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&is), absl::Seconds(20));
  }
  int writes() {
    absl::MutexLock lock(&mutex_);
    return writes_;
  }

 private:
  std::string ConditionLocked(const std::string& type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Json& item : pod_["status"]["conditions"]) {
      if (item["type"] == type) return item["status"];
    }
    return "";
  }
  void MergeCondition(const Json& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Json& list = pod_["status"]["conditions"];
    for (Json& old : list) {
      if (old["type"] == item["type"]) return old.update(item);
    }
    list.push_back(item);
  }
  void Store() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    pod_["metadata"]["resourceVersion"] = std::to_string(++version_);
    client_.Put(kPath, pod_);
  }
  absl::StatusOr<Json> Write(const Json& patch) {
    absl::MutexLock lock(&mutex_);
    ++writes_;
    if (refusals_ > 0) {
      --refusals_;
      return refusal_;
    }
    if (patch["metadata"]["uid"] != pod_["metadata"]["uid"]) {
      return absl::AbortedError("uid");
    }
    for (const auto& [key, value] : patch["status"].items()) {
      if (key != "conditions") pod_["status"][key] = value;
    }
    for (Json item : runtime::ArrayAt(patch["status"], "conditions")) {
      if (!pruned_.empty()) item.erase(pruned_);
      MergeCondition(item);
    }
    if (!insisted_.empty()) pod_["status"]["phase"] = insisted_;
    Store();
    return pod_;
  }

  absl::Mutex mutex_;
  api::FakeClient client_;
  Json pod_ ABSL_GUARDED_BY(mutex_);
  int version_ ABSL_GUARDED_BY(mutex_) = 6;
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  int refusals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string pruned_ ABSL_GUARDED_BY(mutex_), insisted_
      ABSL_GUARDED_BY(mutex_);
};

class WriterTest : public testing::Test {
 protected:
  ~WriterTest() override { writer_.Stop(); }

  void Set(const char* ready) {
    writer_.Set(std::make_shared<const Json>(Pod("u")), Running(ready), true);
  }
  // All that was started has ended; no timer is waited for.
  int WritesAfterStop() {
    writer_.Stop();
    return server_.writes();
  }

  PodServer server_;
  runtime::Executor executor_{"test", 4};
  Writer writer_{server_.client(), &executor_};
};

TEST_F(WriterTest, ReadyThatTheNodeControllerTookAwayComesBack) {
  Set("True");
  ASSERT_TRUE(server_.WaitForCondition("Ready", "True"));
  writer_.Observe("u", server_.SetCondition("Ready", "False"));
  EXPECT_TRUE(server_.WaitForCondition("Ready", "True"));
}

TEST_F(WriterTest, EchoesOfItsOwnWritesStartNothing) {
  Set("False");
  ASSERT_TRUE(server_.WaitForWrites(1));
  const Json first = server_.pod();
  Set("True");
  ASSERT_TRUE(server_.WaitForCondition("Ready", "True"));
  writer_.Observe("u", first);
  writer_.Observe("u", server_.pod());
  EXPECT_EQ(WritesAfterStop(), 2);
}

TEST_F(WriterTest, ConditionsOfOthersAreLeftAlone) {
  Set("True");
  ASSERT_TRUE(server_.WaitForWrites(1));
  writer_.Observe("u", server_.SetCondition("lb", "False"));
  // Changed again, which the agent does not know yet.
  server_.SetCondition("lb", "True");
  Set("False");
  ASSERT_TRUE(server_.WaitForCondition("Ready", "False"));
  EXPECT_EQ(server_.Condition("lb"), "True");
  EXPECT_EQ(WritesAfterStop(), 2);
}

TEST_F(WriterTest, ServerThatKnowsLessIsNoReasonToWriteAgain) {
  server_.Prune("observedGeneration");
  Set("True");
  ASSERT_TRUE(server_.WaitForWrites(1));
  for (int i = 0; i < 3; ++i) {
    writer_.Observe("u", server_.SetCondition("lb", std::to_string(i)));
  }
  EXPECT_EQ(WritesAfterStop(), 1);
}

TEST_F(WriterTest, ServerThatInsistsHasItsWay) {
  server_.Insist("Pending");
  Set("True");
  // Its answer differs: one more try, with the same result.
  ASSERT_TRUE(server_.WaitForWrites(2));
  for (int i = 0; i < 3; ++i) {
    writer_.Observe("u", server_.SetCondition("lb", std::to_string(i)));
  }
  EXPECT_EQ(WritesAfterStop(), 2);
}

TEST_F(WriterTest, ChangeByAnotherWhileAWriteWasUnderWayIsRepaired) {
  Set("True");
  ASSERT_TRUE(server_.WaitForCondition("Ready", "True"));
  // The next write does not mention Ready, and its answer shows the change.
  server_.SetCondition("Ready", "False");
  Json status = *Running("True");
  status["message"] = "more";
  writer_.Set(std::make_shared<const Json>(Pod("u")),
              std::make_shared<const Json>(status), true);
  EXPECT_TRUE(server_.WaitForCondition("Ready", "True"));
}

TEST_F(WriterTest, ConflictWithTheSamePodIsTriedAgain) {
  server_.Refuse(absl::AbortedError("the object has been modified"), 2);
  Set("True");
  EXPECT_TRUE(server_.WaitForCondition("Ready", "True"));
  EXPECT_EQ(server_.writes(), 3);
}

TEST_F(WriterTest, ConflictWithANamesakeEndsIt) {
  server_.Replace("another");
  Set("True");
  ASSERT_TRUE(server_.WaitForWrites(1));
  EXPECT_EQ(WritesAfterStop(), 1);
  EXPECT_EQ(server_.Condition("Ready"), "");
}

}  // namespace
}  // namespace agent::status
