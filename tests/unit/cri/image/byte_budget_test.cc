// SPDX-License-Identifier: Apache-2.0
// With a clock of its own, which goes on only when somebody has waited.
#include "cri/image/byte_budget.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::image {
namespace {

using ::tests::StatusIs;

class ByteBudgetTest : public ::testing::Test {
 protected:
  ByteBudget Make(int64_t rate) {
    return ByteBudget(rate, [this] {
      return absl::UnixEpoch() + absl::Milliseconds(milliseconds_.load());
    });
  }
  // Lets 10 ms pass each time that the budget asks.
  Control Waiting() {
    Control control;
    control.cancelled = [this] {
      milliseconds_ += 10;
      return false;
    };
    return control;
  }

  std::atomic<int64_t> milliseconds_{0};
};

TEST_F(ByteBudgetTest, GivesSoManyBytesASecond) {
  ByteBudget budget = Make(1000000);
  const Control control = Waiting();
  for (int i = 0; i < 50; ++i) ASSERT_OK(budget.Take(10000, control));
  EXPECT_EQ(milliseconds_, 500);
}

TEST_F(ByteBudgetTest, APauseSavesUpAMomentOnly) {
  ByteBudget budget = Make(1000000);
  const Control control = Waiting();
  milliseconds_ += 3600 * 1000;
  const int64_t before = milliseconds_;
  ASSERT_OK(budget.Take(50000, control));
  EXPECT_EQ(milliseconds_, before);
  ASSERT_OK(budget.Take(100000, control));
  EXPECT_EQ(milliseconds_, before + 100);
}

TEST_F(ByteBudgetTest, ZeroIsNoLimit) {
  ByteBudget budget = Make(0);
  const Control control = Waiting();
  ASSERT_OK(budget.Take(size_t{1} << 40, control));
  EXPECT_EQ(milliseconds_, 0);
}

TEST_F(ByteBudgetTest, AWaitEndsWithItsPull) {
  ByteBudget budget = Make(1);
  Control control;
  int looks = 0;
  control.cancelled = [&] { return ++looks == 3; };
  EXPECT_THAT(budget.Take(1 << 20, control),
              StatusIs(absl::StatusCode::kCancelled));
  control.cancelled = nullptr;
  control.deadline = absl::Now();
  EXPECT_THAT(budget.Take(1 << 20, control),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // Nor has the next one to wait for what they did not get.
  budget.SetRate(1000000);
  ASSERT_OK(budget.Take(100000, Waiting()));
  EXPECT_EQ(milliseconds_, 100);
}

TEST_F(ByteBudgetTest, ANewRateHoldsForThoseThatWait) {
  ByteBudget budget = Make(1);
  std::atomic<bool> waits{false};
  Control control;
  control.cancelled = [&] {
    waits = true;
    return false;
  };
  std::thread taker([&] { EXPECT_OK(budget.Take(1 << 20, control)); });
  while (!waits) std::this_thread::yield();
  budget.SetRate(0);
  taker.join();
  // Nor has the next one to wait for what went without.
  budget.SetRate(1000000);
  const Control later = Waiting();
  ASSERT_OK(budget.Take(100000, later));
  EXPECT_EQ(milliseconds_, 100);
}

}  // namespace
}  // namespace cri::image
