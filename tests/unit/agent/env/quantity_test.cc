// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "agent/env/env.h"

namespace agent::env {
namespace {

struct Row {
  const char* text;
  int64_t milli;
  int64_t whole;
};

TEST(QuantityTest, ReadsEverySuffixAndRoundsUp) {
  const Row kRows[] = {
      {"0", 0, 0},
      {"1", 1000, 1},
      {"1500m", 1500, 2},
      {"1m", 1, 1},
      {"1u", 1, 1},
      {"1n", 1, 1},
      {"1500001u", 1501, 2},
      {"0.1", 100, 1},
      {".5", 500, 1},
      {"5.", 5000, 5},
      {"+3", 3000, 3},
      {"-1500m", -1500, -2},
      {"2k", 2000000, 2000},
      {"1Ki", 1024000, 1024},
      {"128Mi", 134217728000, 134217728},
      {"1.5Gi", 1610612736000, 1610612736},
      {"1e3", 1000000, 1000},
      {"1E3", 1000000, 1000},
      {"1e+3", 1000000, 1000},
      {"12e-1", 1200, 2},
      {"1e-30", 1, 1},
      {"0e99", 0, 0},
      {"1T", 1000000000000000, 1000000000000},
      {"0.00000000000000000001", 1, 1},
      {"0.1Ki", 102400, 103},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.text);
    ASSERT_TRUE(QuantityMilli(row.text).ok());
    EXPECT_EQ(*QuantityMilli(row.text), row.milli);
    ASSERT_TRUE(QuantityBytes(row.text).ok());
    EXPECT_EQ(*QuantityBytes(row.text), row.whole);
  }
}

TEST(QuantityTest, ReadsTheLargestValues) {
  EXPECT_EQ(*QuantityBytes("7Ei"), int64_t{7} << 60);
  EXPECT_EQ(*QuantityBytes("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(*QuantityBytes("9E"), 9000000000000000000);
}

TEST(QuantityTest, RefusesWhatOverflows) {
  for (const char* text : {"8Ei", "9223372036854775808", "10E", "1e19", "1e99",
                           "99999999999999999999999999999999999999999999",
                           "0.000001e400000000", "12345678901234567890Ei"}) {
    SCOPED_TRACE(text);
    EXPECT_TRUE(absl::IsOutOfRange(QuantityBytes(text).status()));
  }
  EXPECT_TRUE(absl::IsOutOfRange(QuantityMilli("1Ei").status()));
}

TEST(QuantityTest, RefusesWhatIsNoQuantity) {
  for (const char* text :
       {"",      "abc", ".",    "+",   "-",   "1.2.3",        "1 ",  " 1",
        "1kb",   "1KI", "1K",   "ki",  "1i",  "1e",           "1e+", "1ee3",
        "1e3Ki", "--1", "0x10", "1,5", "1e-", "1e99999999999"}) {
    SCOPED_TRACE(text);
    EXPECT_TRUE(absl::IsInvalidArgument(QuantityBytes(text).status()));
  }
}

}  // namespace
}  // namespace agent::env
