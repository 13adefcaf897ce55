// SPDX-License-Identifier: Apache-2.0
#include "agent/server/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/support/fake_api_client.h"
#include "tests/support/status_matchers.h"

namespace agent::server {
namespace {

using runtime::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class AuthTest : public ::testing::Test {
 protected:
  AuthTest() {
    authentication_.client_ca_file = "/ca";
    client_.OnCreate([this](const std::string& path,
                            const Json& object) -> absl::StatusOr<Json> {
      if (!error_.ok()) return error_;
      sent_ = object;
      if (absl::StrContains(path, "tokenreviews")) {
        bool good = object["spec"]["token"] == "good";
        return Json{{"status",
                     {{"authenticated", good},
                      {"user",
                       {{"username", "system:serviceaccount:a:b"},
                        {"uid", "7"},
                        {"groups", {"g1"}},
                        {"extra", {{"k", {"v"}}}}}}}}};
      }
      return Json{
          {"status",
           {{"allowed", object["spec"]["resourceAttributes"]["subresource"] ==
                            allowed_}}}};
    });
  }
  absl::StatusOr<User> Authenticate(const ClientCertificate& certificate,
                                    const std::string& header) {
    if (!authenticator_) {
      authenticator_ = std::make_unique<Authenticator>(
          authentication_, &client_, [this] { return now_; });
    }
    return authenticator_->Authenticate(certificate, header);
  }
  absl::Status Authorize(const std::string& target,
                         const std::string& method = "GET") {
    if (!authorizer_) {
      authorizer_ = std::make_unique<Authorizer>(
          authorization_, "node-1", &client_, [this] { return now_; });
    }
    return authorizer_->Authorize({"u", "", {"g"}, {}},
                                  AccessOf(*ParseTarget(method, target)));
  }
  AuthenticationOptions authentication_;
  AuthorizationOptions authorization_;
  api::FakeClient client_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  absl::Status error_;
  std::string allowed_ = "proxy";
  Json sent_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Authorizer> authorizer_;
};

TEST_F(AuthTest, CertificateNamesUserAndGroups) {
  ASSERT_OK_AND_ASSIGN(
      User user, Authenticate({true, true, "apiserver", {"o1", "o2"}}, ""));
  EXPECT_EQ(user.name, "apiserver");
  EXPECT_THAT(user.groups, ElementsAre("o1", "o2", "system:authenticated"));
}

TEST_F(AuthTest, TokenIsReviewedAndRemembered) {
  ASSERT_OK_AND_ASSIGN(User user, Authenticate({}, "Bearer good"));
  EXPECT_EQ(user.name, "system:serviceaccount:a:b");
  EXPECT_THAT(user.groups, ElementsAre("g1", "system:authenticated"));
  EXPECT_EQ(user.extra["k"][0], "v");
  ASSERT_THAT(Authenticate({}, "bearer  good "), IsOk());
  EXPECT_EQ(client_.creates(), 1);
  now_ += absl::Minutes(2);
  ASSERT_THAT(Authenticate({}, "Bearer good"), IsOk());
  EXPECT_EQ(client_.creates(), 2);
}

TEST_F(AuthTest, NobodyIsRefused) {
  const struct {
    ClientCertificate certificate;
    const char* header;
  } kRows[] = {
      {{}, ""},
      {{}, "Basic eDp5"},
      {{}, "Bearer bad"},
      {{}, "Bearer "},
      {{true, false, "", {}}, ""},
      {{true, true, "", {}}, ""},
      {{true, false, "", {}}, "Bearer bad"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Authenticate(row.certificate, row.header),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << row.header;
  }
  // A server that cannot be asked is no reason to let anybody in.
  error_ = absl::UnavailableError("down");
  EXPECT_THAT(Authenticate({}, "Bearer other"),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(AuthTest, AnonymousIsWhoDidNotTry) {
  authentication_.anonymous = true;
  ASSERT_OK_AND_ASSIGN(User user, Authenticate({}, ""));
  EXPECT_EQ(user.name, "system:anonymous");
  EXPECT_THAT(user.groups, ElementsAre("system:unauthenticated"));
  EXPECT_FALSE(Authenticate({}, "Bearer bad").ok());
  EXPECT_FALSE(Authenticate({true, false, "", {}}, "").ok());
}

TEST_F(AuthTest, VerbAndSubresourcesComeFromTheRequest) {
  const struct {
    const char *method, *target, *verb;
    std::vector<std::string> subresources;
  } kRows[] = {
      {"GET", "/pods", "get", {"pods", "proxy"}},
      {"HEAD", "/healthz/ping", "get", {"healthz", "proxy"}},
      {"GET", "/runningpods/", "get", {"pods", "proxy"}},
      {"GET", "/configz", "get", {"configz", "proxy"}},
      {"GET", "/metrics/cadvisor", "get", {"metrics"}},
      {"GET", "/stats/summary", "get", {"stats"}},
      {"GET", "/logs/", "get", {"log"}},
      {"GET", "/containerLogs/a/b/c", "get", {"proxy"}},
      {"POST", "/exec/a/b/c", "create", {"proxy"}},
      {"PUT", "/debug/flags/v", "update", {"proxy"}},
      {"GET", "/podsx", "get", {"proxy"}},
      {"GET", "/", "get", {"proxy"}},
      {"BREW", "/pods", "", {"pods", "proxy"}},
  };
  for (const auto& row : kRows) {
    Access access = AccessOf(*ParseTarget(row.method, row.target));
    EXPECT_EQ(access.verb, row.verb) << row.target;
    EXPECT_EQ(access.subresources, row.subresources) << row.target;
  }
}

TEST_F(AuthTest, EitherSubresourceWillDo) {
  EXPECT_THAT(Authorize("/pods"), IsOk());
  EXPECT_EQ(client_.creates(), 2);  // pods: no; proxy: yes
  EXPECT_EQ(sent_["spec"]["resourceAttributes"],
            Json::parse(R"({"verb":"get","version":"v1","resource":"nodes",
                            "subresource":"proxy","name":"node-1"})"));
  EXPECT_THAT(Authorize("/pods"), IsOk());
  EXPECT_EQ(client_.creates(), 2);
  now_ += absl::Seconds(31);  // the no is forgotten, the yes is not
  EXPECT_THAT(Authorize("/pods"), IsOk());
  EXPECT_EQ(client_.creates(), 3);
}

TEST_F(AuthTest, RefusalSaysWhatWasWanted) {
  allowed_ = "none";
  EXPECT_THAT(Authorize("/pods"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       std::string("Forbidden (user=u, verb=get, "
                                   "resource=nodes, subresource(s)=[pods "
                                   "proxy])")));
  error_ = absl::UnavailableError("down");
  now_ += absl::Hours(1);
  EXPECT_THAT(Authorize("/pods"), StatusIs(absl::StatusCode::kUnavailable,
                                           HasSubstr("Authorization error")));
}

TEST_F(AuthTest, WithoutAServerNobodyIsAllowed) {
  Authorizer authorizer({}, "n", nullptr);
  EXPECT_THAT(authorizer.Authorize({"u", "", {}, {}}, {"get", {"proxy"}}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  AuthorizationOptions open;
  open.webhook = false;
  EXPECT_THAT(Authorizer(open, "n", nullptr)
                  .Authorize({"u", "", {}, {}}, {"get", {"proxy"}}),
              IsOk());
}

TEST(TtlCacheTest, DoesNotGrowForEver) {
  TtlCache<int> cache([] { return absl::FromUnixSeconds(1); });
  for (int i = 0; i < 10000; ++i) {
    cache.Put(absl::StrCat(i), i, absl::Seconds(1));
  }
  EXPECT_EQ(cache.Get("9999"), 9999);
  EXPECT_EQ(cache.Get("0"), std::nullopt);
}

}  // namespace
}  // namespace agent::server
