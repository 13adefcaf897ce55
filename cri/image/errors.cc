// SPDX-License-Identifier: Apache-2.0
#include "cri/image/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

namespace cri::image {
namespace {

const char* ReasonPhrase(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 406:
      return " Not Acceptable";
    case 416:
      return " Range Not Satisfiable";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

absl::StatusCode CodeOf(int status) {
  if (status == 401 || status == 403) {
    return absl::StatusCode::kPermissionDenied;
  }
  if (status == 404) return absl::StatusCode::kNotFound;
  // The blob ends before the byte that we asked for.
  if (status == 416) return absl::StatusCode::kDataLoss;
  return absl::StatusCode::kUnavailable;
}

// What the registry says of it: {"errors":[{"code":…,"message":…}]}.
std::string Detail(absl::string_view body) {
  auto json = runtime::ParseJson(body, "");
  if (!json.ok()) return "";
  std::string detail;
  for (const runtime::Json& error : runtime::ArrayAt(*json, "errors")) {
    detail = runtime::StringAt(error, "message");
    if (detail.empty()) detail = runtime::StringAt(error, "code");
    break;
  }
  return runtime::OneLine(detail.substr(0, 200));
}

int Weight(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return 5;
    case absl::StatusCode::kPermissionDenied:
      return 4;
    case absl::StatusCode::kNotFound:
      return 3;
    case absl::StatusCode::kUnavailable:
      return 1;
    default:
      return 2;
  }
}

}  // namespace

absl::Status RegistryError(int http_status, absl::string_view body,
                           absl::string_view authenticate) {
  std::string detail = Detail(body);
  if (detail.empty() && http_status == 401 && !authenticate.empty()) {
    detail = "credentials needed";
  }
  std::string text = absl::StrCat(http_status, ReasonPhrase(http_status));
  if (!detail.empty()) absl::StrAppend(&text, " (", detail, ")");
  return absl::Status(CodeOf(http_status), text);
}

absl::Status AllFailed(const std::vector<Attempt>& attempts) {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::vector<std::string> texts;
  for (const auto& [url, status] : attempts) {
    texts.push_back(absl::StrCat(url, ": ", status.message()));
    if (Weight(status.code()) > Weight(code)) code = status.code();
  }
  return absl::Status(code, absl::StrJoin(texts, "; "));
}

}  // namespace cri::image
