// SPDX-License-Identifier: Apache-2.0
#include "cri/server/events.h"

#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::server {
namespace {

EventPtr Event(const std::string& id) {
  auto event = std::make_shared<runtime::v1::ContainerEventResponse>();
  event->set_container_id(id);
  return event;
}
EventBus::Make Made(EventPtr event) {
  return [event = std::move(event)](absl::Time) { return event; };
}

TEST(EventBusTest, EveryReaderGetsEveryEventInOrder) {
  EventBus bus;
  int wakes = 0;
  auto a = bus.Subscribe([&] { ++wakes; });
  auto b = bus.Subscribe([] {});
  bus.Publish(Made(Event("first")));
  bus.Publish(Made(Event("second")));
  EXPECT_EQ(wakes, 2);
  for (const auto& reader : {a, b}) {
    absl::Status end;
    EXPECT_EQ(reader->Take(&end)->container_id(), "first");
    EXPECT_EQ(reader->Take(&end)->container_id(), "second");
    EXPECT_TRUE(reader->Take(&end) == nullptr);
    EXPECT_OK(end);
  }
}

TEST(EventBusTest, SlowReaderIsCutOffAndOthersAreNot) {
  EventBus bus;
  auto slow = bus.Subscribe([] {});
  absl::Status end;
  auto quick = bus.Subscribe([] {});
  for (size_t i = 0; i <= Subscription::kMostPending; ++i) {
    bus.Publish(Made(Event("another")));
    EXPECT_TRUE(quick->Take(&end) != nullptr);
    EXPECT_OK(end);
  }
  EXPECT_TRUE(slow->Take(&end) == nullptr);
  EXPECT_THAT(end, tests::StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(EventBusTest, SlowReaderHoldsNoMoreThanSomeBytes) {
  constexpr size_t kSize = 1 << 20;
  EventBus bus;
  auto slow = bus.Subscribe([] {});
  auto quick = bus.Subscribe([] {});
  absl::Status end;
  for (size_t i = 0; i < Subscription::kMostPendingBytes / kSize; ++i) {
    EventPtr event = Event(std::string(kSize, 'x'));
    bus.Publish(Made(event));
    EXPECT_TRUE(quick->Take(&end) == event) << "readers share it";
    EXPECT_OK(end);
  }
  EXPECT_TRUE(slow->Take(&end) == nullptr);
  EXPECT_THAT(end, tests::StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(EventBusTest, BytesThatWereTakenDoNotCount) {
  EventBus bus;
  auto reader = bus.Subscribe([] {});
  absl::Status end;
  // Larger than all that may wait: alone it comes through.
  for (int i = 0; i < 3; ++i) {
    bus.Publish(Made(Event(std::string(Subscription::kMostPendingBytes, 'x'))));
    EXPECT_TRUE(reader->Take(&end) != nullptr);
    EXPECT_OK(end);
  }
}

// Many pods tell at once; one reader reads at once, one falls behind and one
// does not read before the end.
TEST(EventBusTest, ReadersOfAnySpeedGetTheSameAndTimeDoesNotGoBack) {
  constexpr int kPods = 4, kEvents = 800;
  EventBus bus;
  using Story = std::vector<std::pair<std::string, int64_t>>;
  Story quick_story, slow_story, late_story;
  const auto take = [](Subscription& from, Story& into, size_t most) {
    absl::Status end;
    while (most-- > 0) {
      const EventPtr event = from.Take(&end);
      ASSERT_OK(end);
      if (event == nullptr) return;
      into.emplace_back(event->container_id(), event->created_at());
    }
  };
  absl::Mutex mutex;
  std::shared_ptr<Subscription> quick, slow;
  quick = bus.Subscribe([&] {
    absl::MutexLock lock(&mutex);
    take(*quick, quick_story, SIZE_MAX);
  });
  int wakes = 0;
  slow = bus.Subscribe([&] {
    absl::MutexLock lock(&mutex);
    if (++wakes % 3 == 0) take(*slow, slow_story, 1);
  });
  auto late = bus.Subscribe([] {});
  std::vector<std::thread> pods;
  for (int pod = 0; pod < kPods; ++pod) {
    pods.emplace_back([&bus, pod] {
      for (int i = 0; i < kEvents; ++i) {
        bus.Publish([&](absl::Time now) {
          auto event = std::make_shared<runtime::v1::ContainerEventResponse>();
          event->set_container_id(absl::StrCat(pod, " ", i));
          event->set_created_at(absl::ToUnixNanos(now));
          return event;
        });
      }
    });
  }
  for (std::thread& pod : pods) pod.join();
  EXPECT_LT(slow_story.size(), size_t{kPods} * kEvents);
  take(*slow, slow_story, SIZE_MAX);
  take(*late, late_story, SIZE_MAX);
  EXPECT_EQ(late_story.size(), size_t{kPods} * kEvents);
  EXPECT_TRUE(quick_story == late_story);
  EXPECT_TRUE(slow_story == late_story);
  std::map<char, int> next;
  int64_t last = 0;
  for (const auto& [name, time] : late_story) {
    EXPECT_EQ(name.substr(2), absl::StrCat(next[name[0]]++));
    EXPECT_GE(time, std::exchange(last, time));
  }
}

TEST(EventBusTest, CloseEndsAllAndUnsubscribedHearNothing) {
  EventBus bus;
  auto reader = bus.Subscribe([] {});
  auto gone = bus.Subscribe([] { FAIL(); });
  bus.Unsubscribe(gone);
  bus.Close();
  absl::Status end;
  EXPECT_TRUE(reader->Take(&end) == nullptr);
  EXPECT_THAT(end, tests::StatusIs(absl::StatusCode::kUnavailable));
  bus.Unsubscribe(reader);
  EXPECT_FALSE(bus.HasSubscribers());
}

}  // namespace
}  // namespace cri::server
