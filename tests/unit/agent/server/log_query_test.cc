// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace agent::server {
namespace {

using tests::IsOk;
using tests::StatusIs;

absl::StatusOr<LogQuery> Parse(const std::string& query) {
  return ParseLogQuery(ParseTarget("GET", "/?" + query)->query,
                       absl::FromUnixSeconds(1000));
}

TEST(LogQueryTest, ReadsEveryParameter) {
  ASSERT_OK_AND_ASSIGN(
      LogQuery query,
      Parse("follow=true&previous=1&timestamps&tailLines=5&limitBytes=10"
            "&sinceSeconds=100"));
  EXPECT_TRUE(query.follow && query.previous && query.timestamps);
  EXPECT_EQ(query.tail_lines, 5);
  EXPECT_EQ(query.limit_bytes, 10);
  EXPECT_EQ(query.since, absl::FromUnixSeconds(900));
  ASSERT_OK_AND_ASSIGN(query, Parse("sinceTime=1970-01-01T00%3A00%3A07Z"));
  EXPECT_EQ(query.since, absl::FromUnixSeconds(7));
  ASSERT_OK_AND_ASSIGN(query, Parse("follow=false&previous=0&tail=3"));
  EXPECT_FALSE(query.follow || query.previous || query.timestamps);
  EXPECT_EQ(query.tail_lines, 3);
  ASSERT_OK_AND_ASSIGN(query, Parse("tail=all&stream=Stderr&tailLines="));
  EXPECT_FALSE(query.tail_lines.has_value());
  EXPECT_EQ(query.stream, "stderr");
}

TEST(LogQueryTest, TellsUnreadableFromSenseless) {
  for (const char* query :
       {"tailLines=x", "limitBytes=1.5", "sinceSeconds=a",
        "sinceTime=yesterday", "tail=some", "tailLines=99999999999999999999"}) {
    EXPECT_THAT(Parse(query), StatusIs(absl::StatusCode::kInvalidArgument))
        << query;
  }
  for (const char* query :
       {"tailLines=-1", "limitBytes=0", "sinceSeconds=0", "sinceSeconds=-5",
        "sinceSeconds=1&sinceTime=1970-01-01T00:00:07Z", "stream=Other",
        "stream=Stdout&tailLines=1"}) {
    EXPECT_THAT(Parse(query), StatusIs(absl::StatusCode::kOutOfRange)) << query;
  }
}

}  // namespace
}  // namespace agent::server
