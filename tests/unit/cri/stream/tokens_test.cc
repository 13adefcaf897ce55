// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/tokens.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {
namespace {

using ::testing::MatchesRegex;
using ::tests::IsOk;
using ::tests::StatusIs;

class TokensTest : public ::testing::Test {
 protected:
  absl::Time now_ = absl::UnixEpoch();
  Tokens tokens_{[this] { return now_; }};
};

TEST_F(TokensTest, AreGoodOnce) {
  ASSERT_OK_AND_ASSIGN(const std::string token,
                       tokens_.Issue(ForwardRequest{{80}, nullptr}));
  EXPECT_THAT(token, MatchesRegex("[A-Za-z0-9_-]{22}"));
  const auto request = tokens_.Redeem(token);
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<ForwardRequest>(*request).ports.size(), 1u);
  EXPECT_FALSE(tokens_.Redeem(token));
}

TEST_F(TokensTest, AreGoodForAMinute) {
  ASSERT_OK_AND_ASSIGN(const std::string one, tokens_.Issue(ForwardRequest{}));
  now_ += absl::Seconds(59);
  ASSERT_OK_AND_ASSIGN(const std::string two, tokens_.Issue(ForwardRequest{}));
  EXPECT_TRUE(tokens_.Redeem(one));
  now_ += absl::Seconds(60);
  EXPECT_FALSE(tokens_.Redeem(two));
}

TEST_F(TokensTest, UnknownOnesAreNotGood) {
  EXPECT_FALSE(tokens_.Redeem(""));
  EXPECT_FALSE(tokens_.Redeem("aaaaaaaaaaaaaaaaaaaaaa"));
}

TEST_F(TokensTest, NoMoreThanAThousandAreOut) {
  std::set<std::string> all;
  for (size_t i = 0; i < Tokens::kMost; ++i) {
    ASSERT_OK_AND_ASSIGN(std::string token, tokens_.Issue(ForwardRequest{}));
    all.insert(token);
  }
  EXPECT_EQ(all.size(), Tokens::kMost);
  EXPECT_THAT(tokens_.Issue(ForwardRequest{}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(tokens_.Redeem(*all.rbegin()));
  EXPECT_THAT(tokens_.Issue(ForwardRequest{}), IsOk());
  EXPECT_THAT(tokens_.Issue(ForwardRequest{}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  now_ += absl::Minutes(1);
  EXPECT_THAT(tokens_.Issue(ForwardRequest{}), IsOk());
}

}  // namespace
}  // namespace cri::stream
