// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/stream_loop.h"

#include <sys/socket.h>

#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/wire.h"
#include "tests/support/status_matchers.h"

namespace runtime::handler {
namespace {

using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

class StreamLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ours_.reset(pair[0]);
    holders_.reset(pair[1]);
  }

  void Tell(const hold::Reply& reply) {
    ASSERT_EQ(hold::SendMessage(holders_.get(), hold::Encode(reply)), 0);
  }

  StreamSession::Done Keep() {
    return [this](absl::StatusOr<int> outcome) {
      outcome_ = std::move(outcome);
      told_.Notify();
    };
  }

  UniqueFd ours_, holders_;
  absl::StatusOr<int> outcome_;
  absl::Notification told_;
  StreamLoop loop_;  // last: its thread uses the rest
};

TEST_F(StreamLoopTest, TellsTheExitCode) {
  ASSERT_THAT(loop_.Watch(ours_.get(), Keep()), IsOk());
  Tell({.type = hold::ReplyType::kExecExit, .value = 7});
  told_.WaitForNotification();
  EXPECT_THAT(outcome_, IsOkAndHolds(7));
}

TEST_F(StreamLoopTest, TellsWhatWentWrong) {
  ASSERT_THAT(loop_.Watch(ours_.get(), Keep()), IsOk());
  Tell({.code = static_cast<int>(absl::StatusCode::kResourceExhausted),
        .text = "too slow"});
  told_.WaitForNotification();
  EXPECT_THAT(outcome_, StatusIs(absl::StatusCode::kResourceExhausted,
                                 HasSubstr("too slow")));
}

TEST_F(StreamLoopTest, TellsTheEndOfTheHolder) {
  ASSERT_THAT(loop_.Watch(ours_.get(), Keep()), IsOk());
  holders_.reset();
  told_.WaitForNotification();
  EXPECT_THAT(outcome_, StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(StreamLoopTest, TellsGarbage) {
  ASSERT_THAT(loop_.Watch(ours_.get(), Keep()), IsOk());
  ASSERT_EQ(hold::SendMessage(holders_.get(), "garbage"), 0);
  told_.WaitForNotification();
  EXPECT_THAT(outcome_, StatusIs(absl::StatusCode::kInternal));
}

TEST_F(StreamLoopTest, WhatIsForgottenIsNotTold) {
  auto key = loop_.Watch(ours_.get(), Keep());
  ASSERT_THAT(key, IsOk());
  loop_.Forget(*key);
  Tell({.type = hold::ReplyType::kExecExit, .value = 7});
  // Another's news come later on the same thread.
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd other(pair[0]), peer(pair[1]);
  absl::Notification later;
  ASSERT_THAT(
      loop_.Watch(other.get(), [&](absl::StatusOr<int>) { later.Notify(); }),
      IsOk());
  peer.reset();
  later.WaitForNotification();
  EXPECT_FALSE(told_.HasBeenNotified());
}

TEST_F(StreamLoopTest, ForgetWaitsForWhatIsBeingTold) {
  absl::Notification entered, leave;
  auto running = std::make_shared<bool>(true);
  auto key = loop_.Watch(ours_.get(), [&, running](absl::StatusOr<int>) {
    entered.Notify();
    leave.WaitForNotification();
    *running = false;
  });
  ASSERT_THAT(key, IsOk());
  Tell({.type = hold::ReplyType::kExecExit});
  entered.WaitForNotification();
  std::thread releaser([&] { leave.Notify(); });
  loop_.Forget(*key);
  EXPECT_FALSE(*running);
  releaser.join();
}

TEST_F(StreamLoopTest, ItMayBeForgottenWhileItIsTold) {
  absl::Notification known;
  uint64_t key = 0;
  auto watched = loop_.Watch(ours_.get(), [&](absl::StatusOr<int>) {
    known.WaitForNotification();
    loop_.Forget(key);
    told_.Notify();
  });
  ASSERT_THAT(watched, IsOk());
  key = *watched;
  known.Notify();
  Tell({.type = hold::ReplyType::kExecExit});
  told_.WaitForNotification();
}

}  // namespace
}  // namespace runtime::handler
