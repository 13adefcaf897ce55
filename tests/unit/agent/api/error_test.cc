// SPDX-License-Identifier: Apache-2.0
#include "agent/api/error.h"

#include "agent/api/client.h"
#include "tests/support/status_matchers.h"

namespace agent::api {
namespace {

using tests::StatusIs;

TEST(ApiErrorTest, MapsCodesAndKeepsReasonAndMessage) {
  const struct {
    int http;
    const char* reason;
    absl::StatusCode code;
  } rows[] = {
      {400, "BadRequest", absl::StatusCode::kInvalidArgument},
      {401, "Unauthorized", absl::StatusCode::kUnauthenticated},
      {403, "Forbidden", absl::StatusCode::kPermissionDenied},
      {404, "NotFound", absl::StatusCode::kNotFound},
      {409, "AlreadyExists", absl::StatusCode::kAlreadyExists},
      {409, "Conflict", absl::StatusCode::kAborted},
      {410, "Expired", absl::StatusCode::kOutOfRange},
      {422, "Invalid", absl::StatusCode::kInvalidArgument},
      {429, "TooManyRequests", absl::StatusCode::kResourceExhausted},
      {500, "InternalError", absl::StatusCode::kUnavailable},
      {503, "ServiceUnavailable", absl::StatusCode::kUnavailable},
  };
  for (const auto& row : rows) {
    const runtime::Json body = {{"kind", "Status"},
                                {"message", "pods \"x\" say so"},
                                {"reason", row.reason},
                                {"code", row.http}};
    const absl::Status status = StatusFromResponse(
        "GET /x", row.http, runtime::DumpJson(body), absl::ZeroDuration());
    EXPECT_THAT(status, StatusIs(row.code, "pods \"x\" say so"));
    EXPECT_EQ(Reason(status), row.reason);
    EXPECT_EQ(HttpCode(status), row.http);
    EXPECT_EQ(IsGone(status), row.http == 410);
  }
}

TEST(ApiErrorTest, NamesTheRequestIfTheBodyIsNoStatus) {
  const absl::Status status = StatusFromResponse(
      "GET https://a/b", 502, "<h1>Bad Gateway</h1>\n<p>", absl::Seconds(3));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               "GET https://a/b: HTTP 502: "
                               "<h1>Bad Gateway</h1>"));
  EXPECT_EQ(RetryAfter(status), absl::Seconds(3));
}

TEST(ApiErrorTest, OwnErrorsAreNotGone) {
  EXPECT_FALSE(IsGone(absl::OutOfRangeError("410")));
  EXPECT_EQ(HttpCode(absl::NotFoundError("x")), 0);
}

}  // namespace
}  // namespace agent::api
