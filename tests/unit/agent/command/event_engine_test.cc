// SPDX-License-Identifier: Apache-2.0
#include "agent/command/event_engine.h"

#include <grpc/event_engine/event_engine.h>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using grpc_event_engine::experimental::CreateEventEngine;

TEST(EventEngineTest, GrpcGetsTimersOfOurs) {
  UseQuietEventEngine();
  const auto engine = CreateEventEngine();
  absl::Notification ran, rang;
  engine->Run([&] { ran.Notify(); });
  ran.WaitForNotification();
  engine->RunAfter(std::chrono::milliseconds(1), [&] { rang.Notify(); });
  rang.WaitForNotification();
}

TEST(EventEngineTest, ACancelledTimerDoesNotRing) {
  UseQuietEventEngine();
  const auto engine = CreateEventEngine();
  const auto timer =
      engine->RunAfter(std::chrono::hours(1), [] { ADD_FAILURE(); });
  EXPECT_TRUE(engine->Cancel(timer));
  EXPECT_FALSE(engine->Cancel(timer));
}

}  // namespace
}  // namespace agent::command
