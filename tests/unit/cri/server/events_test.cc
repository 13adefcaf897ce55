// SPDX-License-Identifier: Apache-2.0
#include "cri/server/events.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::server {
namespace {

EventPtr Event(const std::string& id) {
  auto event = std::make_shared<runtime::v1::ContainerEventResponse>();
  event->set_container_id(id);
  return event;
}

TEST(EventBusTest, EveryReaderGetsEveryEventInOrder) {
  EventBus bus;
  int wakes = 0;
  auto a = bus.Subscribe([&] { ++wakes; });
  auto b = bus.Subscribe([] {});
  bus.Publish(Event("first"));
  bus.Publish(Event("second"));
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
    bus.Publish(Event("another"));
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
    bus.Publish(event);
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
    bus.Publish(Event(std::string(Subscription::kMostPendingBytes, 'x')));
    EXPECT_TRUE(reader->Take(&end) != nullptr);
    EXPECT_OK(end);
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
