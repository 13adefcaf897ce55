// SPDX-License-Identifier: Apache-2.0
#include "cri/image/auth.h"

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

TEST(AuthTest, ParsesABearerChallenge) {
  auto challenges = ParseChallenges(
      R"(Bearer realm="https://auth.x.io/token",service="reg, one",scope="repository:a/b:pull")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].parameters["realm"], "https://auth.x.io/token");
  EXPECT_EQ(challenges[0].parameters["service"], "reg, one");
  EXPECT_EQ(challenges[0].parameters["scope"], "repository:a/b:pull");
}

TEST(AuthTest, ParsesSeveralChallengesInOneHeader) {
  auto challenges = ParseChallenges(
      R"(Basic Realm = "a \"quoted\" one" , Bearer realm=plain, error=x)");
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[0].scheme, "basic");
  EXPECT_EQ(challenges[0].parameters["realm"], "a \"quoted\" one");
  EXPECT_EQ(challenges[1].parameters["realm"], "plain");
  EXPECT_EQ(challenges[1].parameters["error"], "x");
}

TEST(AuthTest, SurvivesGarbageChallenges) {
  for (const char* text :
       {"", ",,,", "=", "Bearer realm=\"open", "Bearer realm=", "\"x\"",
        "Bearer =x", "a=b", "Bearer realm=\"\\"}) {
    ParseChallenges(text);
  }
}

TEST(AuthTest, TakesCredentialsFromEveryForm) {
  Auth fields;
  fields.username = "u";
  fields.password = "p";
  EXPECT_THAT(Credentials(fields, "x.io", "x.io"),
              IsOkAndHolds(Pair("u", "p")));
  Auth encoded;
  encoded.auth = absl::Base64Escape("u:p:q");
  EXPECT_THAT(Credentials(encoded, "x.io", "x.io"),
              IsOkAndHolds(Pair("u", "p:q")));
  Auth padded;
  padded.auth = absl::Base64Escape(absl::string_view("u:p\0\0", 5));
  EXPECT_THAT(Credentials(padded, "x.io", "x.io"),
              IsOkAndHolds(Pair("u", "p")));
  EXPECT_THAT(Credentials({}, "x.io", "x.io"), IsOkAndHolds(Pair("", "")));
  Auth broken;
  broken.auth = "!!!";
  EXPECT_THAT(
      Credentials(broken, "x.io", "x.io"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not base64")));
}

TEST(AuthTest, KeepsCredentialsForTheServerTheyAreMeantFor) {
  Auth auth;
  auth.username = "u";
  auth.server_address = "https://x.io/v1/";
  EXPECT_THAT(Credentials(auth, "x.io", "mirror"), IsOkAndHolds(Pair("u", "")));
  EXPECT_THAT(Credentials(auth, "y.io", "y.io"), IsOkAndHolds(Pair("", "")));
  auth.server_address = "https://index.docker.io/v1/";
  EXPECT_THAT(Credentials(auth, "docker.io", "registry-1.docker.io"),
              IsOkAndHolds(Pair("u", "")));
}

}  // namespace
}  // namespace cri::image
