// SPDX-License-Identifier: Apache-2.0
// Configurations told in words, compared and merged.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cri/config/keys.h"
#include "runtime/base/status.h"

namespace cri::config {
namespace {

using runtime::Json;

// As YAML on one line: JSON is YAML, and plain words need no quotes.
std::string Yaml(const Json& value) {
  if (!value.is_string()) return runtime::DumpJson(value);
  const std::string& text = value.get_ref<const std::string&>();
  bool plain = !text.empty();
  for (const char c : text) {
    plain &= absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' ||
             c == '.' || c == '_' || c == '-';
  }
  return plain ? text : runtime::DumpJson(value);
}

std::string Told(const std::string& name, const Key& key) {
  std::string text =
      absl::StrCat(name, "\n    ", key.help, "\n    ", key.expects,
                   "; default ", Yaml(key.preset), "\n    ");
  absl::StrAppend(&text, key.reload == Reload::kLive
                             ? "a change is taken over by coracle config reload"
                             : "a change needs a restart of the daemon");
  if (key.is_flag) {
    absl::StrAppend(&text, "; also --",
                    absl::StrReplaceAll(key.name, {{"_", "-"}}));
  }
  absl::StrAppend(&text, "\n");
  for (const Key& part : key.parts) {
    absl::StrAppend(&text, "\n",
                    Told(absl::StrCat(name, ".NAME.", part.name), part));
  }
  return text;
}

// The key at the end of `words`, of which a map's second is any name.
const Key* Find(const std::vector<std::string>& words,
                std::vector<absl::string_view>* known, std::string* missing) {
  const std::vector<Key>* keys = &Keys();
  const Key* found = nullptr;
  for (size_t i = 0; i < words.size(); ++i) {
    known->clear();
    found = nullptr;
    for (const Key& key : *keys) {
      known->push_back(key.name);
      if (key.name == words[i]) found = &key;
    }
    *missing = words[i];
    if (found == nullptr) return nullptr;
    keys = &found->parts;
    if (!keys->empty() && i + 2 <= words.size()) ++i;  // an entry's name
  }
  return found;
}

}  // namespace

absl::StatusOr<std::string> Explain(const std::string& key) {
  if (key.empty()) {
    return absl::StrJoin(Keys(), "\n", [](std::string* out, const Key& one) {
      absl::StrAppend(out, Told(one.name, one));
    });
  }
  std::vector<absl::string_view> known;
  std::string missing;
  const Key* found = Find(absl::StrSplit(key, '.'), &known, &missing);
  if (found != nullptr) return Told(key, *found);
  return absl::NotFoundError(absl::StrCat("unknown key \"", missing, "\"",
                                          Suggestion(missing, known)));
}

Json ToJson(const Config& config) {
  Json result = Json::object();
  for (const auto& field : Fields()) {
    result[field.name] = field.kind.get(config);
  }
  return result;
}

std::string Show(const Json& values,
                 const std::map<std::string, std::string>& origins) {
  std::string text;
  for (const Key& key : Keys()) {
    if (!runtime::Has(values, key.name)) continue;
    auto origin = origins.find(key.name);
    absl::StrAppend(&text, key.name, ": ", Yaml(values[key.name]), "  # ",
                    origin == origins.end() ? "default" : origin->second, "\n");
  }
  return text;
}

std::vector<std::string> Changed(const Config& from, const Config& to,
                                 Reload reload) {
  std::vector<std::string> names;
  for (const auto& field : Fields()) {
    if (field.reload == reload && field.kind.get(from) != field.kind.get(to)) {
      names.push_back(field.name);
    }
  }
  return names;
}

Config Merged(const Config& running, const Config& fresh) {
  Config merged = fresh;
  for (const auto& field : Fields()) {
    if (field.reload == Reload::kLive) continue;
    field.kind.copy(running, merged);
    auto origin = running.origins.find(field.name);
    merged.origins.erase(field.name);
    if (origin != running.origins.end()) merged.origins.insert(*origin);
  }
  return merged;
}

}  // namespace cri::config
