// SPDX-License-Identifier: Apache-2.0
#include "agent/status/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_api_client.h"

namespace agent::status {
namespace {

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    client_.OnCreate([this](const std::string&, const Json& event) {
      absl::MutexLock lock(&mutex_);
      told_.push_back(runtime::StringAt(event, "type") + " " +
                      runtime::StringAt(event, "message"));
      return event;
    });
  }
  void Tell(EventType type, const std::string& text) {
    recorder_.Event(pod_, "", type, "Reason", text);
  }
  // What the API server has been told when `count` events have come.
  std::vector<std::string> Told(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto all = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return told_.size() >= count;
    };
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&all), absl::Seconds(20)));
    return told_;
  }

  const Json pod_ = {
      {"metadata", {{"name", "p"}, {"namespace", "ns"}, {"uid", "u"}}}};
  absl::Mutex mutex_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  api::FakeClient client_;
  runtime::Executor executor_{"recorder", 2};
  Recorder recorder_{&client_, &executor_, "node"};
};

TEST_F(RecorderTest, ProgressLeavesRoomForTheRest) {
  for (int i = 0; i < 40; ++i) {
    Tell(EventType::kProgress, "progress " + std::to_string(i));
  }
  for (int i = 0; i < 40; ++i) {
    Tell(EventType::kWarning, "failure " + std::to_string(i));
  }
  const std::vector<std::string> told = Told(25);
  const auto of = [&](const std::string& start) {
    return std::count_if(told.begin(), told.end(), [&](const auto& text) {
      return text.rfind(start, 0) == 0;
    });
  };
  EXPECT_EQ(of("Normal progress"), 10);
  EXPECT_EQ(of("Warning failure"), 15);
}

}  // namespace
}  // namespace agent::status
