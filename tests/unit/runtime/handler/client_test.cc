// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/client.h"

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime::handler {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Le;

TEST(PollMillisecondsTest, WaitsForWhatIsLeft) {
  EXPECT_THAT(PollMilliseconds(absl::Now() + absl::Seconds(20)),
              AllOf(Gt(0), Le(20000)));
  EXPECT_EQ(PollMilliseconds(absl::Now() - absl::Seconds(1)), 0);
}

TEST(PollMillisecondsTest, DoesNotSpinWithoutADeadline) {
  EXPECT_EQ(PollMilliseconds(absl::InfiniteFuture()), 3600000);
  EXPECT_EQ(PollMilliseconds(absl::InfinitePast()), 0);
}

}  // namespace
}  // namespace runtime::handler
