// SPDX-License-Identifier: Apache-2.0
#include "agent/config/fields.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace agent::config {

using runtime::Json;
namespace {

// What kubeadm writes for fields that nobody has set.
bool SaysNothing(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return true;
    case Json::value_t::boolean:
      return !value.get<bool>();
    case Json::value_t::string:
      return value == "" || value == "0" || value == "0s";
    case Json::value_t::object:
    case Json::value_t::array:
      return std::all_of(value.begin(), value.end(), SaysNothing);
    default:
      return value == 0;
  }
}

}  // namespace

Fields::Fields(const Json& object, const std::string& path, absl::Status* error,
               std::vector<std::string>* unknown)
    : object_(object), path_(path), error_(error), unknown_(unknown) {}

Fields::~Fields() {
  if (!object_.is_object()) return;
  for (const auto& [key, value] : object_.items()) {
    if (asked_.count(key) == 0) unknown_->push_back(Path(key));
  }
}

std::string Fields::Path(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

const Json* Fields::Find(const char* key) {
  asked_.insert(key);
  const Json& value = runtime::At(object_, key);
  return value.is_null() ? nullptr : &value;
}

void Fields::Fail(const char* key, absl::string_view expected) {
  if (!error_->ok()) return;
  *error_ = absl::InvalidArgumentError(
      absl::StrCat(Path(key), ": expected ", expected, ", found ",
                   runtime::DumpJson(runtime::At(object_, key)).substr(0, 80)));
}

void Fields::Bool(const char* key, bool* value) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  if (!found->is_boolean()) return Fail(key, "true or false");
  *value = runtime::BoolAt(object_, key);
}

void Fields::Int(const char* key, int64_t* value, int64_t min, int64_t max) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  const int64_t number = runtime::IntAt(object_, key);
  if (!found->is_number_integer() || number < min || number > max) {
    return Fail(key, absl::StrCat("an integer from ", min, " to ", max));
  }
  *value = number;
}

void Fields::String(const char* key, std::string* value) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  if (!found->is_string()) return Fail(key, "a string");
  *value = runtime::StringAt(object_, key);
}

void Fields::Choice(const char* key, std::string* value,
                    std::initializer_list<absl::string_view> allowed) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  const std::string text = runtime::StringAt(object_, key);
  if (found->is_string() && text.empty()) return;
  if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
    return Fail(key, absl::StrCat("one of ", absl::StrJoin(allowed, ", ")));
  }
  *value = text;
}

bool Fields::Duration(const char* key, absl::Duration* value) {
  const Json* found = Find(key);
  if (found == nullptr) return false;
  absl::Duration parsed;
  if (!found->is_string() ||
      !absl::ParseDuration(runtime::StringAt(object_, key), &parsed) ||
      parsed < absl::ZeroDuration() || parsed == absl::InfiniteDuration()) {
    Fail(key, "a duration such as \"1m30s\"");
    return false;
  }
  if (parsed == absl::ZeroDuration()) return false;
  *value = parsed;
  return true;
}

void Fields::StringList(const char* key, std::vector<std::string>* value) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  std::vector<std::string> items;
  bool good = found->is_array();
  for (const Json& item : runtime::ArrayAt(object_, key)) {
    good &= item.is_string();
    if (good) items.push_back(item.get_ref<const std::string&>());
  }
  if (!good) return Fail(key, "a list of strings");
  *value = std::move(items);
}

void Fields::Map(const char* key, std::map<std::string, std::string>* value) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  std::map<std::string, std::string> items;
  bool good = found->is_object();
  for (const auto& [name, item] : runtime::ObjectAt(object_, key).items()) {
    good &= item.is_string();
    if (good) items[name] = item.get_ref<const std::string&>();
  }
  if (!good) return Fail(key, "a map of strings");
  *value = std::move(items);
}

void Fields::List(const char* key, Json* value) {
  const Json* found = Find(key);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(key, "a list");
  *value = *found;
}

void Fields::Unused(absl::Span<const char* const> keys,
                    std::vector<std::string>* given) {
  for (const char* key : keys) {
    const Json* found = Find(key);
    if (found != nullptr && !SaysNothing(*found)) given->push_back(Path(key));
  }
}

Fields Fields::Object(const char* key) {
  const Json* found = Find(key);
  if (found != nullptr && !found->is_object()) Fail(key, "an object");
  return Fields(runtime::ObjectAt(object_, key), Path(key), error_, unknown_);
}

}  // namespace agent::config
