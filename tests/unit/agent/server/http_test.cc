// SPDX-License-Identifier: Apache-2.0
#include "agent/server/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace agent::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using tests::StatusIs;

TEST(HttpTest, SplitsPathAndQuery) {
  ASSERT_OK_AND_ASSIGN(
      Request request,
      ParseTarget("GET", "/containerLogs/ns/p%2fq/c?follow=true&x=a+b%26&y"));
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/containerLogs/ns/p/q/c");
  EXPECT_THAT(request.parts, ElementsAre("containerLogs", "ns", "p/q", "c"));
  EXPECT_THAT(request.query, ElementsAre(Pair("follow", "true"),
                                         Pair("x", "a b&"), Pair("y", "")));
  EXPECT_EQ(*FindParameter(request.query, "x"), "a b&");
  EXPECT_EQ(FindParameter(request.query, "z"), nullptr);
}

TEST(HttpTest, RootHasOneEmptyPart) {
  ASSERT_OK_AND_ASSIGN(Request request, ParseTarget("GET", "/"));
  EXPECT_THAT(request.parts, ElementsAre(""));
  ASSERT_OK_AND_ASSIGN(request, ParseTarget("GET", "/pods/"));
  EXPECT_THAT(request.parts, ElementsAre("pods", ""));
}

TEST(HttpTest, RefusesWhatIsNoPath) {
  for (const char* target : {"", "*", "http://x/", "pods", "/a%", "/a%2",
                             "/%zz", "/a%00b", "/a?x=%0"}) {
    EXPECT_THAT(ParseTarget("GET", target),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << target;
  }
}

}  // namespace
}  // namespace agent::server
