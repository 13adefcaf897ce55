// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/status_text.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"

namespace cri::stream {
namespace {

using runtime::Json;

Json Failure(const std::string& reason, const std::string& message) {
  return {{"metadata", Json::object()},
          {"status", "Failure"},
          {"reason", reason},
          {"message", message}};
}

}  // namespace

std::string StatusText(const absl::StatusOr<int>& result, bool json) {
  if (result.ok() && *result == 0) {
    if (!json) return "";
    return runtime::DumpJson(
        {{"metadata", Json::object()}, {"status", "Success"}});
  }
  if (!result.ok()) {
    const std::string message(result.status().message());
    if (!json) return message;
    Json status = Failure("InternalError", message);
    status["details"] = {{"causes", Json::array({Json{{"message", message}}})}};
    status["code"] = 500;
    return runtime::DumpJson(status);
  }
  const std::string message =
      absl::StrCat("command terminated with non-zero exit code: ", *result);
  if (!json) return message;
  Json status = Failure("NonZeroExitCode", message);
  status["details"] = {
      {"causes", Json::array({Json{{"reason", "ExitCode"},
                                   {"message", absl::StrCat(*result)}}})}};
  return runtime::DumpJson(status);
}

}  // namespace cri::stream
