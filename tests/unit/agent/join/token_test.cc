// SPDX-License-Identifier: Apache-2.0
#include "agent/join/token.h"

#include "agent/join/discovery.h"
#include "tests/support/status_matchers.h"

namespace agent::join {
namespace {

using tests::IsOk;
using tests::StatusIs;

constexpr char kPayload[] = "hello\n";

TEST(TokenTest, TakesOnlyTheOneForm) {
  EXPECT_THAT(ParseToken("abcdef.0123456789abcdef"), IsOk());
  for (const char* bad :
       {"", ".", "abcdef", "abcdef.0123456789abcde", "ABCDEF.0123456789abcdef",
        "abcde.0123456789abcdef", "abcdef.0123456789abcdef0",
        "abcdef-0123456789abcdef", " abcdef.0123456789abcdef"}) {
    EXPECT_THAT(ParseToken(bad), StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(TokenTest, EndpointsAndPinsHaveOneForm) {
  for (const char* good :
       {"10.0.0.1:6443", "host.example:443", "[::1]:6443", "https://h:1"}) {
    EXPECT_THAT(CheckEndpoint(good), IsOk()) << good;
  }
  for (const char* bad : {"", "host", ":6443", "host:", "host:0", "host:70000",
                          "::1:6443", "h:1/x", "h:x"}) {
    EXPECT_THAT(CheckEndpoint(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  EXPECT_THAT(CheckPin("sha256:" + std::string(64, 'a')), IsOk());
  for (const std::string& bad :
       {std::string("sha256:"), std::string(64, 'a'),
        "sha1:" + std::string(64, 'a'), "sha256:" + std::string(64, 'g'),
        "sha256:" + std::string(63, 'a')}) {
    EXPECT_THAT(CheckPin(bad), StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(TokenTest, VerifiesAJwsThatOpensslMade) {
  // printf '%s.%s' "$header" "$(printf 'hello\n' | basenc --base64url)" |
  //   openssl dgst -sha256 -hmac 0123456789abcdef -binary
  const std::string jws =
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9.."
      "jGfh3cAKffhbjQqP1x03VRxdhcDip6Xp1PFxbB0P9vg";
  const BootstrapToken token = {"abcdef", "0123456789abcdef"};
  EXPECT_THAT(VerifyJws(jws, kPayload, token), IsOk());
  EXPECT_THAT(VerifyJws(jws, "hello", token),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(VerifyJws(jws, kPayload, {"abcdef", "0123456789abcdee"}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(VerifyJws(jws, kPayload, {"abcdee", "0123456789abcdef"}),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(TokenTest, NeverTakesAnAlgorithmOfTheHeadersChoice) {
  // {"alg":"none","kid":"abcdef"} with an empty signature.
  EXPECT_THAT(VerifyJws("eyJhbGciOiJub25lIiwia2lkIjoiYWJjZGVmIn0..", kPayload,
                        {"abcdef", "0123456789abcdef"}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  for (const char* bad : {"", "a.b", "a.b.c", "..", "a..b", "!!..!!"}) {
    EXPECT_FALSE(VerifyJws(bad, kPayload, {"abcdef", "0123456789abcdef"}).ok())
        << bad;
  }
}

}  // namespace
}  // namespace agent::join
