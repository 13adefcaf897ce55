// SPDX-License-Identifier: Apache-2.0
#include "agent/source/pod_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "agent/api/error.h"

namespace agent::source {
namespace {

// Answers lists and watches from a script and remembers what was asked.
class Script : public api::Client {
 public:
  struct Step {
    absl::Status status;
    std::vector<api::WatchEvent> events;  // of a watch
    Json list;                            // of a list
  };
  std::deque<Step> lists, watches;
  std::vector<std::string> asked;

  bool WaitFor(size_t calls) {
    absl::MutexLock lock(&mutex_);
    auto enough = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return asked.size() >= calls;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }

  absl::StatusOr<Json> Get(const std::string&,
                           const api::Query& query) override {
    absl::MutexLock lock(&mutex_);
    asked.push_back("list " + Version(query));
    if (lists.empty()) return absl::UnavailableError("end of script");
    Step step = lists.front();
    lists.pop_front();
    if (!step.status.ok()) return step.status;
    return step.list;
  }
  absl::Status Watch(const std::string&, const api::Query& query,
                     const api::CancelToken& cancel, const OnEvent& on_event,
                     const std::function<void()>& on_open) override {
    Step step;
    bool more = true;
    {
      absl::MutexLock lock(&mutex_);
      asked.push_back("watch " + Version(query));
      more = !watches.empty();
      if (more) {
        step = watches.front();
        watches.pop_front();
      }
    }
    if (step.status.ok() && on_open) on_open();
    for (auto& event : step.events) on_event(event);
    if (more) return step.status;
    absl::MutexLock lock(&mutex_);
    auto ended = [&] { return cancel.cancelled(); };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&ended),
                                    absl::Milliseconds(20))) {
    }
    return absl::CancelledError("");
  }
  absl::StatusOr<Json> Create(const std::string&, const Json& object,
                              const api::Query&) override {
    return object;
  }
  absl::StatusOr<Json> Update(const std::string&, const Json& o) override {
    return o;
  }
  absl::StatusOr<Json> Patch(const std::string&, api::PatchType,
                             const Json& patch) override {
    return patch;
  }
  absl::Status Delete(const std::string&, const Json&) override {
    return absl::OkStatus();
  }

 private:
  static std::string Version(const api::Query& query) {
    for (const auto& [key, value] : query) {
      if (key == "resourceVersion") return value;
    }
    return "none";
  }
  absl::Mutex mutex_;
};

Json At(const char* version) {
  return {{"metadata", {{"resourceVersion", version}}}};
}

Json ListAt(const char* version) {
  Json list = At(version);
  list["items"] = Json::array({{{"metadata", {{"uid", "u"}}}}});
  return list;
}

absl::Status Gone() {
  return api::StatusFromObject({{"kind", "Status"},
                                {"code", 410},
                                {"reason", "Expired"},
                                {"message", "too old"}},
                               410);
}

struct Seen {
  absl::Mutex mutex;
  std::vector<std::string> what;
  bool trusting = true;  // takes lists that may be old
  PodWatch::Handlers Handlers() {
    auto note = [this](std::string text) {
      absl::MutexLock lock(&mutex);
      what.push_back(std::move(text));
    };
    return {[this, note](std::vector<Json> pods, bool current) {
              note("list of " + std::to_string(pods.size()));
              return current || trusting;
            },
            [note](Json) { note("pod"); }, [note](Json) { note("gone"); }};
  }
};

TEST(PodWatchTest, ResumesWhereTheWatchEnded) {
  Script script;
  script.lists = {{absl::OkStatus(), {}, ListAt("5")}};
  script.watches = {
      {absl::OkStatus(),
       {{"ADDED", At("6")}, {"DELETED", At("7")}, {"BOOKMARK", At("9")}},
       {}}};
  Seen seen;
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(3));
  }
  EXPECT_EQ(script.asked,
            (std::vector<std::string>{"list 0", "watch 5", "watch 9"}));
  EXPECT_EQ(seen.what, (std::vector<std::string>{"list of 1", "pod", "gone"}));
}

TEST(PodWatchTest, ForgottenVersionIsListedAnew) {
  Script script;
  script.lists = {{absl::OkStatus(), {}, ListAt("5")},
                  {absl::OkStatus(), {}, ListAt("8")}};
  script.watches = {{Gone(), {}, {}}};
  Seen seen;
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(4));
  }
  EXPECT_EQ(script.asked, (std::vector<std::string>{"list 0", "watch 5",
                                                    "list none", "watch 8"}));
}

TEST(PodWatchTest, OldListThatLacksWhatRunsIsFollowedByACurrentOne) {
  Script script;
  script.lists = {{absl::OkStatus(), {}, ListAt("5")},
                  {absl::OkStatus(), {}, ListAt("8")}};
  Seen seen;
  seen.trusting = false;
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(3));
  }
  EXPECT_EQ(script.asked,
            (std::vector<std::string>{"list 0", "list none", "watch 8"}));
}

TEST(PodWatchTest, ServerThatForgetsAtOnceIsAskedWithGrowingPauses) {
  Script script;
  for (int i = 0; i < 50; ++i) {
    script.lists.push_back({absl::OkStatus(), {}, ListAt("5")});
    script.watches.push_back({Gone(), {}, {}});
  }
  Seen seen;
  absl::Time began = absl::Now();
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(6));
  }
  // Two pauses of 0.4 and 0.8 seconds at least lie before the third watch.
  EXPECT_GE(absl::Now() - began, absl::Seconds(1));
}

TEST(PodWatchTest, WatchThatEndsAtOnceIsNotRepeatedAtOnce) {
  Script script;
  script.lists = {{absl::OkStatus(), {}, ListAt("5")}};
  for (int i = 0; i < 50; ++i) script.watches.push_back({});
  Seen seen;
  absl::Time began = absl::Now();
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(4));
  }
  EXPECT_GE(absl::Now() - began, absl::Seconds(1));
}

TEST(PodWatchTest, TooLargeVersionIsListedWithoutOne) {
  Script script;
  script.lists = {
      {absl::DeadlineExceededError("Too large resource version"), {}, {}},
      {absl::OkStatus(), {}, ListAt("8")}};
  Seen seen;
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(3));
  }
  EXPECT_EQ(script.asked,
            (std::vector<std::string>{"list 0", "list none", "watch 8"}));
}

TEST(PodWatchTest, OutageIsToldWhenItBeginsAndWhenItEnds) {
  Script script;
  script.lists = {{absl::OkStatus(), {}, ListAt("5")}};
  // Then one that opens and says nothing.
  script.watches = {{absl::UnavailableError("refused after 1 ms"), {}, {}},
                    {absl::UnavailableError("refused after 2 ms"), {}, {}}};
  Seen seen;
  testing::internal::CaptureStderr();
  {
    PodWatch watch(&script, "n", seen.Handlers());
    ASSERT_TRUE(script.WaitFor(4));
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, testing::ContainsRegex("pod watch: refused after 1 ms"));
  EXPECT_THAT(told, Not(testing::HasSubstr("refused after 2 ms")));
  EXPECT_THAT(told, testing::HasSubstr("pod watch works again, after "));
}

}  // namespace
}  // namespace agent::source
