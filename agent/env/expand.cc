// SPDX-License-Identifier: Apache-2.0
#include "agent/env/expand.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/env/env.h"

namespace agent::env {

std::string Expand(absl::string_view text, const Lookup& lookup) {
  std::string out;
  size_t i = 0;
  while (i < text.size()) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i++];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      i += 2;
      continue;
    }
    size_t end =
        text[i + 1] == '(' ? text.find(')', i + 2) : absl::string_view::npos;
    if (end == absl::string_view::npos) {
      out += text[i++];
      continue;
    }
    absl::string_view name = text.substr(i + 2, end - i - 2);
    if (std::optional<std::string> value = lookup(name)) {
      out += *value;
    } else {
      absl::StrAppend(&out, text.substr(i, end + 1 - i));
    }
    i = end + 1;
  }
  return out;
}

std::vector<std::string> ExpandWords(const Json& words, const Variables& env) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : env) values[name] = value;
  Lookup lookup = [&](absl::string_view name) -> std::optional<std::string> {
    auto it = values.find(std::string(name));
    if (it == values.end()) return std::nullopt;
    return it->second;
  };
  std::vector<std::string> out;
  if (!words.is_array()) return out;
  for (const Json& word : words) {
    if (word.is_string()) {
      out.push_back(Expand(word.get_ref<const std::string&>(), lookup));
    }
  }
  return out;
}

}  // namespace agent::env
