// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/flights.h"

#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::sandbox {
namespace {

using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

TEST(FlightsTest, SecondCallJoinsTheFirst) {
  Flights<absl::StatusOr<int>> flights;
  absl::Notification started, go;
  int runs = 0;
  absl::StatusOr<int> first;
  std::thread leader([&] {
    first =
        flights.Do("key", absl::InfiniteFuture(), [&]() -> absl::StatusOr<int> {
          started.Notify();
          go.WaitForNotification();
          return ++runs;
        });
  });
  started.WaitForNotification();
  EXPECT_FALSE(flights.IsAwaited("key"));
  EXPECT_THAT(flights.Do("key", absl::Now(),
                         [&]() -> absl::StatusOr<int> { return ++runs; }),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_FALSE(flights.IsAwaited("key")) << "it gave up";
  absl::StatusOr<int> second;
  std::thread follower([&] {
    second = flights.Do("key", absl::InfiniteFuture(),
                        [&]() -> absl::StatusOr<int> { return ++runs; });
  });
  while (!flights.IsAwaited("key")) std::this_thread::yield();
  go.Notify();
  leader.join();
  follower.join();
  EXPECT_THAT(first, IsOkAndHolds(1));
  EXPECT_TRUE(second.ok());
}

// What a call gets that joins one which fails with DEADLINE_EXCEEDED; its own
// operation gives 2.
absl::StatusOr<int> JoinOneThatIsLate(absl::Time first_deadline,
                                      absl::Time second_deadline) {
  Flights<absl::StatusOr<int>> flights;
  absl::Notification started, go;
  std::thread leader([&] {
    EXPECT_THAT(flights.Do("key", first_deadline,
                           [&]() -> absl::StatusOr<int> {
                             started.Notify();
                             go.WaitForNotification();
                             return absl::DeadlineExceededError("late");
                           }),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  });
  started.WaitForNotification();
  absl::StatusOr<int> second;
  std::thread follower([&] {
    second = flights.Do("key", second_deadline,
                        [&]() -> absl::StatusOr<int> { return 2; });
  });
  while (!flights.IsAwaited("key")) std::this_thread::yield();
  go.Notify();
  leader.join();
  follower.join();
  return second;
}

TEST(FlightsTest, ACallWithMoreTimeGoesOnWhenTheFirstOnesIsUp) {
  EXPECT_THAT(JoinOneThatIsLate(absl::Now(), absl::InfiniteFuture()),
              IsOkAndHolds(2));
}

TEST(FlightsTest, WhatTookTooLongByItselfIsToldToAll) {
  EXPECT_THAT(JoinOneThatIsLate(absl::InfiniteFuture(), absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "late"));
}

TEST(FlightsTest, OtherKeysDoNotWait) {
  Flights<absl::Status> flights;
  absl::Status inner = absl::UnknownError("");
  absl::Status outer = flights.Do("a", absl::InfiniteFuture(), [&] {
    inner = flights.Do("b", absl::InfiniteFuture(),
                       [] { return absl::OkStatus(); });
    return absl::OkStatus();
  });
  EXPECT_OK(inner);
  EXPECT_OK(outer);
}

TEST(FlightsTest, FailureIsNotRemembered) {
  Flights<absl::Status> flights;
  EXPECT_FALSE(flights
                   .Do("a", absl::InfiniteFuture(),
                       [] { return absl::InternalError("x"); })
                   .ok());
  EXPECT_OK(
      flights.Do("a", absl::InfiniteFuture(), [] { return absl::OkStatus(); }));
}

}  // namespace
}  // namespace cri::sandbox
