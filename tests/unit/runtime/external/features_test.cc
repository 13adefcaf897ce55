// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/features.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime::external {
namespace {

using ::tests::StatusIs;

TEST(FeaturesTest, AreReadAsRuncTellsThem) {
  auto features = ParseFeatures(R"({"ociVersionMax": "1.2.0",
      "mountOptions": ["ro", "rro"],
      "linux": {"mountExtensions": {"idmap": {"enabled": true}}}})");
  ASSERT_TRUE(features.ok());
  EXPECT_TRUE(features->recursive_read_only_mounts);
  EXPECT_TRUE(features->id_mapped_mounts);
}

TEST(FeaturesTest, WhatIsNotToldIsNotThere) {
  auto features =
      ParseFeatures(R"({"ociVersionMax": "1.0.2", "mountOptions": ["ro"]})");
  ASSERT_TRUE(features.ok());
  EXPECT_FALSE(features->recursive_read_only_mounts);
  EXPECT_FALSE(features->id_mapped_mounts);
}

TEST(FeaturesTest, OtherOutputIsNone) {
  for (const char* text : {"", "unknown command features\n", "[]", "{}"}) {
    EXPECT_THAT(ParseFeatures(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

}  // namespace
}  // namespace runtime::external
