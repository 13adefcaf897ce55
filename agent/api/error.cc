// SPDX-License-Identifier: Apache-2.0
#include "agent/api/error.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/api/client.h"

namespace agent::api {
namespace {

using runtime::Json;

constexpr char kReasonUrl[] = "coracle/api-reason";
constexpr char kRetryUrl[] = "coracle/api-retry-after";
constexpr char kCodeUrl[] = "coracle/api-http-code";

absl::StatusCode CodeOf(int http_code, absl::string_view reason) {
  switch (http_code) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
    case 406:
    case 415:
      return absl::StatusCode::kUnimplemented;
    case 409:
      return reason == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                       : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 413:
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return http_code >= 500 ? absl::StatusCode::kUnavailable
                              : absl::StatusCode::kUnknown;
  }
}

std::string Payload(const absl::Status& status, absl::string_view url) {
  const auto cord = status.GetPayload(url);
  return cord.has_value() ? std::string(*cord) : "";
}

absl::Status Make(int http_code, absl::string_view reason,
                  absl::string_view message, absl::Duration retry_after) {
  absl::Status status(CodeOf(http_code, reason), message);
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  status.SetPayload(kCodeUrl, absl::Cord(absl::StrCat(http_code)));
  if (retry_after > absl::ZeroDuration()) {
    status.SetPayload(
        kRetryUrl, absl::Cord(absl::StrCat(absl::ToInt64Seconds(retry_after))));
  }
  return status;
}

}  // namespace

absl::Status StatusFromObject(const Json& object, int http_code) {
  const int code = static_cast<int>(
      runtime::IntAt(object, "code", http_code ? http_code : 500));
  const std::string reason = runtime::StringAt(object, "reason");
  std::string message = runtime::StringAt(object, "message");
  if (message.empty()) message = absl::StrCat("HTTP ", code, " ", reason);
  const int64_t seconds =
      runtime::IntAt(runtime::ObjectAt(object, "details"), "retryAfterSeconds");
  return Make(code, reason, message,
              absl::Seconds(std::max<int64_t>(0, seconds)));
}

absl::Status StatusFromResponse(absl::string_view request, int http_code,
                                const std::string& body,
                                absl::Duration retry_after) {
  auto object = runtime::ParseJson(body, "answer");
  if (object.ok() && runtime::StringAt(*object, "kind") == "Status") {
    absl::Status status = StatusFromObject(*object, http_code);
    if (retry_after > absl::ZeroDuration()) {
      status.SetPayload(
          kRetryUrl,
          absl::Cord(absl::StrCat(absl::ToInt64Seconds(retry_after))));
    }
    return status;
  }
  absl::string_view line(body);
  line = absl::StripAsciiWhitespace(line.substr(0, line.find('\n')));
  return Make(http_code, "",
              absl::StrCat(request, ": HTTP ", http_code,
                           line.empty() ? "" : ": ", line.substr(0, 200)),
              retry_after);
}

std::string Reason(const absl::Status& status) {
  return Payload(status, kReasonUrl);
}

bool IsGone(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kOutOfRange) return false;
  return HttpCode(status) == 410;
}

absl::Duration RetryAfter(const absl::Status& status) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(Payload(status, kRetryUrl), &seconds)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(seconds);
}

int HttpCode(const absl::Status& status) {
  int code = 0;
  return absl::SimpleAtoi(Payload(status, kCodeUrl), &code) ? code : 0;
}

}  // namespace agent::api
