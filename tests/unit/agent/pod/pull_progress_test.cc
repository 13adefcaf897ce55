// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/pull_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace agent::cri {
namespace {

using tests::StatusIs;

absl::StatusOr<std::vector<PullProgress>> PullsOf(const std::string& json) {
  ::runtime::v1::StatusResponse status;
  (*status.mutable_info())["pulls"] = json;
  return PullsIn(status);
}

TEST(PullProgressTest, IsReadAsCoracleTellsIt) {
  ASSERT_OK_AND_ASSIGN(
      const auto pulls,
      PullsOf(R"([{"image": "docker.io/library/app:1", "requested": "app:1",
                   "layers": 4, "layers_done": 1, "layers_waiting": 2,
                   "bytes": 3072, "bytes_done": 1024}])"));
  ASSERT_EQ(pulls.size(), 1U);
  EXPECT_EQ(pulls[0].image, "app:1");
  EXPECT_EQ(Describe(pulls[0]),
            "1.0 KiB of 3.0 KiB, 1 of 4 layers, 2 wait for other images");
}

TEST(PullProgressTest, BeforeTheRegistryAnswersNothingIsKnown) {
  ASSERT_OK_AND_ASSIGN(const auto pulls, PullsOf(R"([{"requested": "a"}])"));
  ASSERT_EQ(pulls.size(), 1U);
  EXPECT_EQ(Describe(pulls[0]), "layers are not known yet");
}

TEST(PullProgressTest, OfOneImageTheFurthestCounts) {
  ASSERT_OK_AND_ASSIGN(
      const auto pulls,
      PullsOf(R"([{"requested": "a"}, {"requested": "b", "bytes": -1},
                  {"requested": "a", "layers": 2, "bytes": 9},
                  {"requested": "a", "layers": 1, "bytes": 9}])"));
  ASSERT_EQ(pulls.size(), 2U);
  EXPECT_EQ(pulls[0].layers, 2);
  EXPECT_EQ(pulls[1].bytes, 0U);
}

TEST(PullProgressTest, OtherRuntimesTellNothingOrSomethingElse) {
  EXPECT_THAT(PullsIn({}).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       testing::HasSubstr("does not say")));
  EXPECT_THAT(PullsOf("[{").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::_));
  for (const char* other : {"{}", "[]", "[1, null, {}, \"x\"]", "7"}) {
    ASSERT_OK_AND_ASSIGN(const auto pulls, PullsOf(other));
    EXPECT_TRUE(pulls.empty()) << other;
  }
}

}  // namespace
}  // namespace agent::cri
