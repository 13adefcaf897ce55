// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/json.h"

#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

constexpr int kMaxDepth = 128;

const Json& Null() {
  static const Json& null = *new Json();
  return null;
}

const Json& EmptyArray() {
  static const Json& empty = *new Json(Json::array());
  return empty;
}

const Json& EmptyObject() {
  static const Json& empty = *new Json(Json::object());
  return empty;
}

absl::Status WrongType(absl::string_view key, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(key, ": expected ", expected));
}

// The SAX layer of nlohmann tells where and why a parse failed; building the
// value is left to its DOM parser.
struct Scanner : nlohmann::json_sax<Json> {
  int depth = 0;
  std::string error;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool start_array(std::size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    error = absl::StrCat("byte ", position, ": not valid JSON near \"",
                         token.substr(0, 40), "\"");
    return false;
  }

 private:
  bool Enter() {
    if (++depth <= kMaxDepth) return true;
    error = absl::StrCat("nested deeper than ", kMaxDepth, " levels");
    return false;
  }
  bool Leave() {
    --depth;
    return true;
  }
};

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text,
                               absl::string_view source) {
  Scanner scanner;
  if (!Json::sax_parse(text.begin(), text.end(), &scanner)) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": ", scanner.error));
  }
  return Json::parse(text.begin(), text.end(), nullptr,
                     /*allow_exceptions=*/false);
}

std::string DumpJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json& At(const Json& value, absl::string_view key) {
  if (!value.is_object()) return Null();
  auto it = value.find(std::string(key));
  return it == value.end() ? Null() : *it;
}

const Json& At(const Json& value,
               std::initializer_list<absl::string_view> path) {
  const Json* at = &value;
  for (absl::string_view key : path) at = &At(*at, key);
  return *at;
}

bool Has(const Json& value, absl::string_view key) {
  return value.is_object() && value.contains(std::string(key));
}

std::string StringAt(const Json& value, absl::string_view key,
                     absl::string_view fallback) {
  return StringAt(value, {key}, fallback);
}

std::string StringAt(const Json& value,
                     std::initializer_list<absl::string_view> path,
                     absl::string_view fallback) {
  const Json& at = At(value, path);
  if (!at.is_string()) return std::string(fallback);
  return at.get_ref<const std::string&>();
}

int64_t IntAt(const Json& value, absl::string_view key, int64_t fallback) {
  const Json& at = At(value, key);
  return at.is_number() ? at.get<int64_t>() : fallback;
}

bool BoolAt(const Json& value, absl::string_view key, bool fallback) {
  const Json& at = At(value, key);
  return at.is_boolean() ? at.get<bool>() : fallback;
}

const Json& ArrayAt(const Json& value, absl::string_view key) {
  const Json& at = At(value, key);
  return at.is_array() ? at : EmptyArray();
}

const Json& ObjectAt(const Json& value, absl::string_view key) {
  const Json& at = At(value, key);
  return at.is_object() ? at : EmptyObject();
}

absl::StatusOr<std::optional<std::string>> OptionalString(
    const Json& value, absl::string_view key) {
  const Json& at = At(value, key);
  if (at.is_null()) return std::nullopt;
  if (!at.is_string()) return WrongType(key, "a string");
  return at.get_ref<const std::string&>();
}

absl::StatusOr<std::optional<int64_t>> OptionalInt(const Json& value,
                                                   absl::string_view key) {
  const Json& at = At(value, key);
  if (at.is_null()) return std::nullopt;
  if (!at.is_number_integer()) return WrongType(key, "an integer");
  return at.get<int64_t>();
}

absl::StatusOr<std::optional<bool>> OptionalBool(const Json& value,
                                                 absl::string_view key) {
  const Json& at = At(value, key);
  if (at.is_null()) return std::nullopt;
  if (!at.is_boolean()) return WrongType(key, "true or false");
  return at.get<bool>();
}

}  // namespace runtime
