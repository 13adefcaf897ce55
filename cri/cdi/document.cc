// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/document.h"

#include <charconv>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "cri/config/value.h"
#include "runtime/base/status.h"

namespace cri::cdi {
namespace {

using config::Value;
using runtime::Json;

bool ParseInteger(absl::string_view text, int64_t* out) {
  int base = 10;
  if (absl::ConsumePrefix(&text, "0x")) base = 16;
  if (absl::ConsumePrefix(&text, "0o")) base = 8;
  // YAML 1.1, which the usual tools write, has octal numbers like C.
  if (base == 10 && text.size() > 1 && absl::ConsumePrefix(&text, "0")) {
    base = 8;
  }
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), *out, base);
  return error == std::errc() && end == text.data() + text.size();
}

Json FromWord(const Value& value) {
  const std::string& word = value.word;
  int64_t number = 0;
  if (!value.plain) return word;
  if (word.empty() || word == "~" || word == "null") return nullptr;
  if (word == "true") return true;
  if (word == "false") return false;
  if (ParseInteger(word, &number)) return number;
  return word;
}

Json FromValue(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNothing:
      return nullptr;
    case Value::Kind::kWord:
      return FromWord(value);
    case Value::Kind::kList: {
      Json list = Json::array();
      for (const Value& item : value.list) list.push_back(FromValue(item));
      return list;
    }
    case Value::Kind::kMap: {
      Json map = Json::object();
      for (const config::Entry& entry : value.map) {
        map[entry.key] = FromValue(entry.value);
      }
      return map;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Json> ParseDocument(absl::string_view text,
                                   const std::string& path) {
  if (absl::EndsWith(path, ".json")) return runtime::ParseJson(text, path);
  ASSIGN_OR_RETURN(Value value, config::ParseYaml(std::string(text), path));
  return FromValue(value);
}

}  // namespace cri::cdi
