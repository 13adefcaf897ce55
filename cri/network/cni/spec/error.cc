// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/error.h"

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

namespace cri::network::cni {
namespace {

constexpr char kCodePayload[] = "cni.dev/code";
constexpr size_t kMaxText = 2048;

// What the spec calls a code; "" for the plugins' own.
absl::string_view NameOf(int64_t code) {
  switch (code) {
    case 1:
      return "incompatible CNI version";
    case 2:
      return "unsupported field in the network configuration";
    case kUnknownContainer:
      return "unknown container";
    case 4:
      return "invalid environment variables";
    case 5:
      return "I/O failure";
    case 6:
      return "cannot decode content";
    case 7:
      return "invalid network configuration";
    case kTryAgainLater:
      return "try again later";
    case kNotAvailable:
      return "plugin not available";
    case kLimitedConnectivity:
      return "plugin not available, connectivity of pods limited";
    default:
      return "";
  }
}

absl::StatusCode StatusCodeOf(int64_t code) {
  switch (code) {
    case 1:
    case 2:
    case 4:
    case 7:
      return absl::StatusCode::kFailedPrecondition;
    case kTryAgainLater:
    case kNotAvailable:
    case kLimitedConnectivity:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

// One line of at most kMaxText bytes, the end of `text`.
std::string Line(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const bool cut = text.size() > kMaxText;
  if (cut) text.remove_prefix(text.size() - kMaxText);
  return absl::StrCat(cut ? "…" : "", runtime::OneLine(text));
}

}  // namespace

PluginError ParseError(absl::string_view output, absl::string_view log) {
  PluginError error;
  const auto json = runtime::ParseJson(output, "error");
  if (json.ok() && json->is_object()) {
    error.code = runtime::IntAt(*json, "code");
    error.message = Line(runtime::StringAt(*json, "msg"));
    error.details = Line(runtime::StringAt(*json, "details"));
    if (!error.message.empty()) return error;
  }
  error.message = Line(output);
  if (error.message.empty()) error.message = Line(log);
  if (error.message.empty()) error.message = "no message";
  return error;
}

absl::Status ToStatus(const PluginError& error) {
  std::string text = error.message;
  if (!error.details.empty()) absl::StrAppend(&text, "; ", error.details);
  if (error.code != 0) {
    const absl::string_view name = NameOf(error.code);
    absl::StrAppend(&text, " (CNI code ", error.code, name.empty() ? "" : ": ",
                    name, ")");
  }
  absl::Status status(StatusCodeOf(error.code), text);
  status.SetPayload(kCodePayload, absl::Cord(absl::StrCat(error.code)));
  return status;
}

std::optional<int64_t> CodeOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodePayload);
  int64_t code = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &code)) {
    return std::nullopt;
  }
  return code;
}

}  // namespace cri::network::cni
