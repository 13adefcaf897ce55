// SPDX-License-Identifier: Apache-2.0
#include "agent/server/http.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Decode(absl::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) {
      c = ' ';
    } else if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = HexValue(text[i + 1]), low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

absl::Status BadEscape() {
  return absl::InvalidArgumentError("invalid URL escape");
}

}  // namespace

absl::StatusOr<Request> ParseTarget(absl::string_view method,
                                    absl::string_view target) {
  if (target.empty() || target[0] != '/') {
    return absl::InvalidArgumentError("the request target is not a path");
  }
  Request request;
  request.method = std::string(method);
  std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  for (absl::string_view part : absl::StrSplit(halves.first.substr(1), '/')) {
    std::optional<std::string> decoded = Decode(part, false);
    if (!decoded) return BadEscape();
    absl::StrAppend(&request.path, "/", *decoded);
    request.parts.push_back(*std::move(decoded));
  }
  for (absl::string_view pair :
       absl::StrSplit(halves.second, '&', absl::SkipEmpty())) {
    std::pair<absl::string_view, absl::string_view> both =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    std::optional<std::string> name = Decode(both.first, true);
    std::optional<std::string> value = Decode(both.second, true);
    if (!name || !value) return BadEscape();
    request.query.emplace_back(*std::move(name), *std::move(value));
  }
  return request;
}

const std::string* FindParameter(const QueryParameters& query,
                                 absl::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace agent::server
