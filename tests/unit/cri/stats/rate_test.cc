// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/rate.h"

#include "gtest/gtest.h"

namespace cri::stats {
namespace {

absl::Time At(double seconds) {
  return absl::FromUnixSeconds(1000000) + absl::Seconds(seconds);
}
constexpr uint64_t kSecond = 1000000000;

TEST(CpuRateTest, NeedsTwoReadingsSomeTimeApart) {
  CpuRate rate;
  EXPECT_FALSE(rate.Add(At(0), 5 * kSecond).has_value());
  EXPECT_FALSE(rate.Add(At(0.05), 5 * kSecond).has_value());
  EXPECT_EQ(rate.Add(At(0.5), 6 * kSecond), 2 * kSecond);
}

TEST(CpuRateTest, WindowIsThatOfTheLastReadings) {
  CpuRate rate;
  rate.Add(At(0), 0);
  EXPECT_EQ(rate.Add(At(10), 10 * kSecond), kSecond);
  EXPECT_EQ(rate.Add(At(20), 10 * kSecond), 0u);
  EXPECT_EQ(rate.Add(At(30), 30 * kSecond), 2 * kSecond);
}

TEST(CpuRateTest, SomebodyElseWhoAsksDoesNotShortenTheWindow) {
  CpuRate rate;
  rate.Add(At(0), 0);
  EXPECT_EQ(rate.Add(At(10), 10 * kSecond), kSecond);
  EXPECT_EQ(rate.Add(At(10.25), 10 * kSecond), kSecond * 40 / 41);
}

TEST(CpuRateTest, CounterThatWentBackStartsAnew) {
  CpuRate rate;
  rate.Add(At(0), 10 * kSecond);
  EXPECT_FALSE(rate.Add(At(5), 2 * kSecond).has_value());
  EXPECT_EQ(rate.Add(At(7), 4 * kSecond), kSecond);
}

}  // namespace
}  // namespace cri::stats
