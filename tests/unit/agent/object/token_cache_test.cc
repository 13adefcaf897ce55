// SPDX-License-Identifier: Apache-2.0
#include "agent/object/token_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_api_client.h"
#include "tests/support/status_matchers.h"

namespace agent::object {
namespace {

using tests::IsOk;
using tests::StatusIs;

class TokenCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.OnCreate([this](const std::string& path,
                            const Json& request) -> absl::StatusOr<Json> {
      path_ = path;
      request_ = request;
      if (!error_.ok()) return error_;
      return Json{{"status",
                   {{"token", absl::StrCat("t", client_.creates())},
                    {"expirationTimestamp",
                     absl::FormatTime(absl::RFC3339_sec, now_ + lifetime_,
                                      absl::UTCTimeZone())}}}};
    });
  }
  std::string Get() {
    auto token = cache_.Get(pod_, {"aud"}, 3600);
    return token.ok() ? token->token : std::string(token.status().message());
  }

  Json pod_ = Json::parse(
      R"({"metadata":{"name":"p","namespace":"shop","uid":"u-1"},
          "spec":{"serviceAccountName":"sa"}})");
  api::FakeClient client_;
  absl::Time now_ = absl::FromUnixSeconds(1000000);
  absl::Duration lifetime_ = absl::Hours(1);
  absl::Status error_;
  std::string path_;
  Json request_;
  TokenCache cache_{&client_, [this] { return now_; }};
};

TEST_F(TokenCacheTest, AsksForATokenBoundToThePod) {
  EXPECT_EQ(Get(), "t1");
  EXPECT_EQ(path_, "/api/v1/namespaces/shop/serviceaccounts/sa/token");
  EXPECT_EQ(request_["spec"],
            Json::parse(R"({"audiences":["aud"],"expirationSeconds":3600,
              "boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"p",
                                "uid":"u-1"}})"));
}

TEST_F(TokenCacheTest, RenewsAtFourFifthsOfTheLifetime) {
  EXPECT_EQ(Get(), "t1");
  now_ += absl::Minutes(47);
  EXPECT_EQ(Get(), "t1");
  now_ += absl::Minutes(1);
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenCacheTest, RenewsAfterADay) {
  lifetime_ = absl::Hours(24 * 365);
  EXPECT_EQ(Get(), "t1");
  now_ += absl::Hours(24);
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenCacheTest, KeepsTheOldTokenWhileItLives) {
  EXPECT_EQ(Get(), "t1");
  error_ = absl::UnavailableError("down");
  now_ += absl::Minutes(50);
  EXPECT_EQ(Get(), "t1");
  now_ += absl::Minutes(11);
  EXPECT_EQ(Get(), "down");
  error_ = absl::OkStatus();
  EXPECT_EQ(Get(), "t4");
}

TEST_F(TokenCacheTest, ForgetsThePod) {
  EXPECT_EQ(Get(), "t1");
  cache_.Drop("u-1");
  EXPECT_EQ(Get(), "t2");
}

TEST_F(TokenCacheTest, RefusesAnswersWithoutToken) {
  client_.OnCreate([](const std::string&, const Json&) { return Json(); });
  EXPECT_THAT(cache_.Get(pod_, {}, 3600),
              StatusIs(absl::StatusCode::kUnavailable));
  pod_["spec"]["serviceAccountName"] = "../x";
  EXPECT_THAT(cache_.Get(pod_, {}, 3600),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace agent::object
