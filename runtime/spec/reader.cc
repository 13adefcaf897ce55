// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace runtime::spec {

Reader::Reader(const Json& value, std::string name, absl::Status* error)
    : value_(&value), name_(std::move(name)), error_(error) {
  if (!value.is_object() && !value.is_null()) Fail("", "expected an object");
}

std::string Reader::Name(absl::string_view key) const {
  if (name_.empty()) return std::string(key);
  if (key.empty()) return name_;
  return absl::StrCat(name_, ".", key);
}

void Reader::Fail(absl::string_view key, absl::string_view reason) const {
  if (!error_->ok()) return;
  std::string name = Name(key);
  *error_ = absl::InvalidArgumentError(
      name.empty() ? std::string(reason) : absl::StrCat(name, ": ", reason));
}

const Json& Reader::Value(absl::string_view key) const {
  return At(*value_, key);
}

bool Reader::Has(absl::string_view key) const { return !Value(key).is_null(); }

void Reader::OnlyKeys(std::initializer_list<absl::string_view> keys) const {
  if (!value_->is_object()) return;
  for (const auto& [key, value] : value_->items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return Fail(key, "is not a field of this format");
    }
  }
}

void Reader::String(absl::string_view key, std::string* out) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_string()) return Fail(key, "expected a string");
  const std::string& text = value.get_ref<const std::string&>();
  // Every string of the config ends up in a system call.
  if (text.find('\0') != std::string::npos) {
    return Fail(key, "contains a NUL byte");
  }
  *out = text;
}

void Reader::Bool(absl::string_view key, bool* out) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_boolean()) return Fail(key, "expected true or false");
  *out = value.get<bool>();
}

void Reader::Strings(absl::string_view key,
                     std::vector<std::string>* out) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_array()) return Fail(key, "expected an array of strings");
  out->clear();
  out->reserve(value.size());
  for (const Json& item : value) {
    if (!item.is_string()) return Fail(key, "expected an array of strings");
    const std::string& text = item.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) {
      return Fail(key, "contains a NUL byte");
    }
    out->push_back(text);
  }
}

void Reader::StringMap(absl::string_view key,
                       std::map<std::string, std::string>* out) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_object()) return Fail(key, "expected an object of strings");
  for (const auto& [name, item] : value.items()) {
    if (!item.is_string()) return Fail(key, "expected an object of strings");
    (*out)[name] = item.get_ref<const std::string&>();
  }
}

std::optional<int64_t> Reader::Ranged(absl::string_view key, int64_t low,
                                      int64_t high) const {
  const Json& value = Value(key);
  if (value.is_null()) return std::nullopt;
  bool fits = value.is_number_integer() &&
              !(value.is_number_unsigned() &&
                value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
  if (fits) {
    int64_t number = value.get<int64_t>();
    if (number >= low && number <= high) return number;
  }
  Fail(key, absl::StrCat("expected an integer from ", low, " to ", high));
  return std::nullopt;
}

void Reader::Unsigned(absl::string_view key, uint64_t* out) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_number_unsigned()) {
    return Fail(key, "expected an integer of at least 0");
  }
  *out = value.get<uint64_t>();
}

void Reader::Unsigned(absl::string_view key,
                      std::optional<uint64_t>* out) const {
  if (!Has(key)) return;
  uint64_t number = 0;
  Unsigned(key, &number);
  *out = number;
}

Reader Reader::Object(absl::string_view key) const {
  return Reader(Value(key), Name(key), error_);
}

void Reader::Each(absl::string_view key,
                  const std::function<void(const Reader&)>& each) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_array()) return Fail(key, "expected an array");
  size_t index = 0;
  for (const Json& item : value) {
    std::string name = absl::StrCat(Name(key), "[", index++, "]");
    if (item.is_null()) return Fail(key, "contains null");
    each(Reader(item, std::move(name), error_));
    if (!ok()) return;
  }
}

void Reader::Integers(absl::string_view key, int64_t low, int64_t high,
                      const std::function<void(int64_t)>& each) const {
  const Json& value = Value(key);
  if (value.is_null()) return;
  if (!value.is_array()) return Fail(key, "expected an array of integers");
  for (const Json& item : value) {
    bool fits = item.is_number_integer() &&
                !(item.is_number_unsigned() &&
                  item.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
    if (!fits || item.get<int64_t>() < low || item.get<int64_t>() > high) {
      return Fail(key,
                  absl::StrCat("expected integers from ", low, " to ", high));
    }
    each(item.get<int64_t>());
  }
}

}  // namespace runtime::spec
