// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/activity.h"

#include <unistd.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime::activity {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(ActivityTest, TellsTheStepOfAnOperation) {
  EXPECT_THAT(List(), IsEmpty());
  const Operation operation("RunPodSandbox", "default/web");
  ASSERT_THAT(List(), SizeIs(1));
  EXPECT_EQ(List()[0].step, "");
  {
    Step outer("network", 17);
    EXPECT_EQ(List()[0].step, "network");
    EXPECT_EQ(List()[0].process, 17);
    const absl::Time since = List()[0].step_since;
    {
      const Step inner("network: adding veth1");
      EXPECT_EQ(List()[0].step, "network: adding veth1");
      EXPECT_EQ(List()[0].process, 0);
    }
    outer.Update("network: nearly there");
    const State state = List()[0];
    EXPECT_EQ(state.call, "RunPodSandbox");
    EXPECT_EQ(state.object, "default/web");
    EXPECT_EQ(state.thread, gettid());
    EXPECT_EQ(state.step, "network: nearly there");
    EXPECT_EQ(state.process, 17);
    EXPECT_EQ(state.step_since, since);
    EXPECT_LE(state.since, since);
  }
  EXPECT_EQ(List()[0].step, "");
}

TEST(ActivityTest, StepsOutsideOfAnOperationDoNothing) {
  Step step("alone");
  step.Update("still alone");
  EXPECT_THAT(List(), IsEmpty());
}

TEST(ActivityTest, EachThreadHasItsOwnOperation) {
  const Operation mine("StopContainer", "a");
  absl::Notification stepped, seen;
  std::thread other([&] {
    const Operation theirs("PullImage", "b");
    const Step step("image: layers");
    stepped.Notify();
    seen.WaitForNotification();
  });
  stepped.WaitForNotification();
  const std::vector<State> states = List();
  seen.Notify();
  other.join();
  ASSERT_THAT(states, SizeIs(2));
  EXPECT_EQ(states[0].call, "StopContainer");
  EXPECT_EQ(states[0].step, "");
  EXPECT_EQ(states[1].call, "PullImage");
  EXPECT_EQ(states[1].step, "image: layers");
  EXPECT_NE(states[1].thread, states[0].thread);
  EXPECT_THAT(List(), SizeIs(1));
}

}  // namespace
}  // namespace runtime::activity
