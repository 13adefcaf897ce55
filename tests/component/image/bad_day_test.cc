// SPDX-License-Identifier: Apache-2.0
// What real registries do on bad days: tokens, redirects, broken connections,
// lies. Each test scripts a server.
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "cri/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/component/image/fake_server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;
using Request = FakeServer::Request;
using Response = FakeServer::Response;

class BadDayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "needs root: layers carry owners";
    builder_.AddLayer({File("data", std::string(100000, 'd'))},
                      ImageBuilder::kNone);
    builder_.Write(dir_ / "layout", "x:1");
    ASSERT_OK_AND_ASSIGN(store_,
                         OpenImageStore({dir_ / "root", dir_ / "certs.d", 2}));
  }

  // What an honest registry answers.
  Response Honest(const Request& request) {
    std::string target = request.target.substr(0, request.target.find('?'));
    Response response;
    if (absl::StrContains(target, "/manifests/")) {
      response.body = builder_.ManifestText();
      response.headers = {
          "Content-Type: application/vnd.oci.image.manifest.v1+json",
          absl::StrCat("Docker-Content-Digest: ", builder_.ManifestDigest())};
      return response;
    }
    std::string hex = target.substr(target.rfind(':') + 1);
    auto blob = runtime::ReadFile(dir_ / ("layout/blobs/sha256/" + hex));
    if (!blob.ok()) return {404, {}, "", 0};
    response.body = *blob;
    return response;
  }
  bool IsBlob(const Request& request, size_t min_size = 50000) {
    return absl::StrContains(request.target, "/blobs/") &&
           Honest(request).body.size() >= min_size;
  }
  static std::string Header(const Request& request, const std::string& name) {
    auto it = request.headers.find(name);
    return it == request.headers.end() ? "" : it->second;
  }
  absl::StatusOr<ImagePtr> Pull(const FakeServer& server,
                                const PullOptions& options = {}) {
    return store_->Pull(absl::StrCat(server.host(), "/app:1"), options);
  }

  tests::TempDir dir_;
  ImageBuilder builder_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(BadDayTest, BearerTokensAreFetchedWithTheCredentials) {
  std::string host;
  FakeServer server([&](const Request& request) -> Response {
    if (absl::StartsWith(request.target, "/token")) {
      if (Header(request, "authorization") !=
          "Basic " + absl::Base64Escape("user:pass")) {
        return {401, {}, "", 0};
      }
      return {200, {}, R"({"token":"T1"})", 0};
    }
    if (Header(request, "authorization") != "Bearer T1") {
      return {401,
              {absl::StrCat("WWW-Authenticate: Bearer realm=\"http://", host,
                            "/token\",service=\"reg\",scope=\"repository:app:"
                            "pull\"")},
              R"({"errors":[{"code":"UNAUTHORIZED","message":"log in"}]})",
              0};
    }
    return Honest(request);
  });
  host = server.host();
  PullOptions options;
  options.auth.auth = absl::Base64Escape("user:pass");
  ASSERT_OK(Pull(server, options));
  int tokens = 0;
  for (const Request& request : server.requests()) {
    if (!absl::StartsWith(request.target, "/token")) continue;
    ++tokens;
    EXPECT_THAT(request.target, HasSubstr("service=reg"));
    EXPECT_THAT(request.target, HasSubstr("scope=repository%3Aapp%3Apull"));
  }
  EXPECT_EQ(tokens, 1) << "the token serves all requests of a pull";
  EXPECT_THAT(Pull(server), StatusIs(absl::StatusCode::kPermissionDenied,
                                     HasSubstr("token service")));
}

TEST_F(BadDayTest, BasicIdentityAndRegistryTokensWork) {
  std::string host, wanted, challenge;
  FakeServer server([&](const Request& request) -> Response {
    if (request.method == "POST") {
      EXPECT_THAT(request.body, HasSubstr("grant_type=refresh_token"));
      EXPECT_THAT(request.body, HasSubstr("refresh_token=I%2F1"));
      return {200, {}, R"({"access_token":"fresh"})", 0};
    }
    if (Header(request, "authorization") == wanted) return Honest(request);
    return {401, {challenge}, "", 0};
  });
  PullOptions basic;
  basic.auth.username = "u";
  basic.auth.password = "p";
  wanted = "Basic " + absl::Base64Escape("u:p");
  challenge = "WWW-Authenticate: Basic realm=\"x\"";
  EXPECT_OK(Pull(server, basic));
  PullOptions identity;
  identity.auth.identity_token = "I/1";
  wanted = "Bearer fresh";
  challenge = absl::StrCat("WWW-Authenticate: Bearer realm=\"http://",
                           server.host(), "/token\"");
  EXPECT_OK(Pull(server, identity));
  PullOptions ready;
  ready.auth.registry_token = "ready";
  wanted = "Bearer ready";
  EXPECT_OK(Pull(server, ready));
  wanted = "never";
  challenge = "X: y";
  EXPECT_THAT(Pull(server, basic),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("/v2/app/manifests/1: 401 Unauthorized")));
}

TEST_F(BadDayTest, CredentialsDoNotFollowARedirectToAnotherHost) {
  FakeServer storage([&](const Request& request) {
    EXPECT_EQ(Header(request, "authorization"), "");
    EXPECT_EQ(Header(request, "x-secret"), "");
    return Honest(request);
  });
  FakeServer server([&](const Request& request) -> Response {
    EXPECT_EQ(Header(request, "authorization"), "Bearer secret");
    EXPECT_EQ(Header(request, "x-secret"), "s");
    if (!absl::StrContains(request.target, "/blobs/")) return Honest(request);
    return {307,
            {absl::StrCat("Location: http://", storage.host(), request.target)},
            "",
            0};
  });
  ASSERT_OK(runtime::MakeDirs(dir_ / "certs.d/_default"));
  ASSERT_OK(runtime::WriteFileAtomic(
      dir_ / "certs.d/_default/hosts.toml",
      absl::StrCat("server = \"http://", server.host(),
                   "\"\n[header]\nx-secret = \"s\"\n")));
  PullOptions options;
  options.auth.registry_token = "secret";
  ASSERT_OK(Pull(server, options));
  EXPECT_EQ(storage.requests().size(), 2u);
}

TEST_F(BadDayTest, ABrokenTransferIsResumedWhereItEnded) {
  int transfers = 0;
  FakeServer server([&](const Request& request) -> Response {
    Response response = Honest(request);
    if (!IsBlob(request)) return response;
    ++transfers;
    const std::string whole = response.body;
    size_t from = 0;
    std::string range = Header(request, "range");
    if (!range.empty()) {
      EXPECT_TRUE(
          absl::SimpleAtoi(range.substr(6, range.find('-') - 6), &from));
      response.status = 206;
    }
    response.body = whole.substr(from, 40000);
    response.announced = whole.size() - from;
    return response;
  });
  ASSERT_OK_AND_ASSIGN(ImagePtr image, Pull(server));
  ASSERT_OK_AND_ASSIGN(auto data, store_->ReadFile(*image, "data", 1 << 20));
  EXPECT_EQ(data.value_or(""), std::string(100000, 'd'));
  EXPECT_EQ(transfers, 3);
}

TEST_F(BadDayTest, AServerThatIgnoresRangesIsUnderstood) {
  int transfers = 0;
  FakeServer server([&](const Request& request) -> Response {
    Response response = Honest(request);
    if (!IsBlob(request)) return response;
    if (++transfers == 1) {
      response.announced = response.body.size();
      response.body.resize(30000);
    }
    return response;
  });
  ASSERT_OK(Pull(server));
  EXPECT_EQ(transfers, 2);
}

TEST_F(BadDayTest, ServerErrorsAreTriedAgain) {
  int blobs = 0;
  FakeServer server([&](const Request& request) -> Response {
    if (IsBlob(request) && ++blobs < 3) return {503, {}, "", 0};
    return Honest(request);
  });
  ASSERT_OK(Pull(server));
  EXPECT_EQ(blobs, 3);
}

TEST_F(BadDayTest, ABlobMissingOnTheMirrorComesFromTheServer) {
  FakeServer mirror([&](const Request& request) -> Response {
    EXPECT_THAT(request.target, HasSubstr("?ns=reg.example"));
    if (IsBlob(request)) return {404, {}, "", 0};
    return Honest(request);
  });
  FakeServer server([&](const Request& request) { return Honest(request); });
  ASSERT_OK(runtime::MakeDirs(dir_ / "certs.d/reg.example"));
  ASSERT_OK(runtime::WriteFileAtomic(
      dir_ / "certs.d/reg.example/hosts.toml",
      absl::StrCat("server = \"http://", server.host(), "\"\n[host.\"http://",
                   mirror.host(), "\"]\n")));
  ASSERT_OK(store_->Pull("reg.example/app:1", {}));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(BadDayTest, AManifestThatIsNotItsDigestIsRefused) {
  FakeServer server([&](const Request& request) {
    Response response = Honest(request);
    if (absl::StrContains(request.target, "/manifests/")) response.body += " ";
    return response;
  });
  EXPECT_THAT(Pull(server), StatusIs(absl::StatusCode::kDataLoss,
                                     HasSubstr("manifest: digest is")));
}

TEST_F(BadDayTest, Cve2023_25153_AnEndlessManifestIsCutOff) {
  FakeServer server([&](const Request&) -> Response {
    return {200,
            {"Content-Type: application/vnd.oci.image.manifest.v1+json"},
            std::string(6 << 20, ' '),
            size_t{4} << 30};
  });
  EXPECT_THAT(Pull(server), StatusIs(absl::StatusCode::kResourceExhausted,
                                     HasSubstr("larger than")));
}

TEST_F(BadDayTest, ABlobLongerThanTheManifestSaysIsRefused) {
  FakeServer server([&](const Request& request) {
    Response response = Honest(request);
    if (IsBlob(request)) response.body += "more";
    return response;
  });
  EXPECT_THAT(Pull(server),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("longer than")));
}

TEST_F(BadDayTest, AMalformedHostsFileIsNamedWithItsLine) {
  FakeServer server([&](const Request& request) { return Honest(request); });
  ASSERT_OK(runtime::MakeDirs(dir_ / "certs.d/_default"));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "certs.d/_default/hosts.toml",
                                     "server = \"http://x\"\n[host\n"));
  EXPECT_THAT(Pull(server),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("certs.d/_default/hosts.toml: line 2")));
}

TEST_F(BadDayTest, ADeadlineEndsAHangingRegistry) {
  absl::Mutex gate;
  bool open = false;
  FakeServer server([&](const Request& request) {
    absl::MutexLock lock(&gate);
    gate.Await(absl::Condition(&open));
    return Honest(request);
  });
  PullOptions options;
  options.deadline = absl::Now() + absl::Milliseconds(200);
  EXPECT_THAT(Pull(server, options),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  absl::MutexLock lock(&gate);
  open = true;
}

}  // namespace
}  // namespace cri::image
