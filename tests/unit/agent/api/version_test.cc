// SPDX-License-Identifier: Apache-2.0
#include "agent/api/version.h"

#include <gtest/gtest.h>

namespace agent::api {
namespace {

TEST(VersionTest, ComparesNumbersOfAnyLength) {
  EXPECT_TRUE(IsNotNewer("9", "10"));
  EXPECT_TRUE(IsNotNewer("10", "10"));
  EXPECT_FALSE(IsNotNewer("11", "10"));
  EXPECT_FALSE(
      IsNotNewer("100000000000000000000000001", "100000000000000000000000000"));
}

TEST(VersionTest, KnowsNothingOfOtherVersions) {
  EXPECT_FALSE(IsNotNewer("", "10"));
  EXPECT_FALSE(IsNotNewer("9", ""));
  EXPECT_FALSE(IsNotNewer("a", "b"));
  EXPECT_TRUE(IsNotNewer("a", "a"));
}

TEST(VersionTest, ReadsItFromAnObject) {
  EXPECT_EQ(VersionOf({{"metadata", {{"resourceVersion", "7"}}}}), "7");
  EXPECT_EQ(VersionOf({}), "");
}

}  // namespace
}  // namespace agent::api
