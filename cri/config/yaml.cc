// SPDX-License-Identifier: Apache-2.0
// YAML to Value. The one place of this room where an exception can occur; none
// leaves it.
#include <yaml-cpp/yaml.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "cri/config/value.h"
#include "runtime/base/status.h"

namespace cri::config {
namespace {

// Aliases may nest a small text into a huge tree.
constexpr int kMaxDepth = 8;
constexpr int kMaxValues = 100000;

absl::Status At(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(line, ": ", what));
}

absl::StatusOr<Value> Convert(const YAML::Node& node, int depth, int& count) {
  Value value;
  value.line = node.Mark().line + 1;
  if (depth > kMaxDepth) return At(value.line, "nested too deep");
  if (++count > kMaxValues) return At(value.line, "too many values");
  if (node.IsScalar()) {
    value.kind = Value::Kind::kWord;
    value.word = node.Scalar();
    value.plain = node.Tag() == "?";
  } else if (node.IsSequence()) {
    value.kind = Value::Kind::kList;
    for (const auto& item : node) {
      ASSIGN_OR_RETURN(Value converted, Convert(item, depth + 1, count));
      value.list.push_back(std::move(converted));
    }
  } else if (node.IsMap()) {
    value.kind = Value::Kind::kMap;
    std::map<std::string, int> seen;
    for (const auto& item : node) {
      const int line = item.first.Mark().line + 1;
      if (!item.first.IsScalar()) return At(line, "a key must be a word");
      const std::string& key = item.first.Scalar();
      const auto [first, fresh] = seen.emplace(key, line);
      if (!fresh) {
        return At(line, absl::StrCat(key, ": given twice, first in line ",
                                     first->second));
      }
      ASSIGN_OR_RETURN(Value converted, Convert(item.second, depth + 1, count));
      converted.line = line;
      value.map.push_back({key, std::move(converted)});
    }
  }
  return value;
}

}  // namespace

Value Word(absl::string_view text) {
  Value value;
  value.kind = Value::Kind::kWord;
  value.word = std::string(text);
  return value;
}

absl::StatusOr<Value> ParseYaml(const std::string& text,
                                const std::string& name) {
  try {
    int count = 0;
    absl::StatusOr<Value> value = Convert(YAML::Load(text), 0, count);
    if (value.ok()) return value;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", value.status().message()));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

}  // namespace cri::config
