// SPDX-License-Identifier: Apache-2.0
#include "agent/config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace agent::config {
namespace {

using runtime::Json;

// Aliases may repeat a node many times over; this bounds the expanded tree.
constexpr int kMaxNodes = 1 << 17;
constexpr int kMaxDepth = 128;

absl::Status At(const YAML::Mark& mark, absl::string_view message) {
  if (mark.is_null()) return absl::InvalidArgumentError(message);
  return absl::InvalidArgumentError(
      absl::StrCat("line ", mark.line + 1, ": ", message));
}

bool OneOf(absl::string_view text,
           std::initializer_list<absl::string_view> words) {
  for (const absl::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

// A plain scalar by the rules of the YAML that kubectl reads: null, booleans
// (yes/no/on/off included), integers in four bases, floats, else a string.
Json PlainScalar(const std::string& text) {
  if (OneOf(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (OneOf(text,
            {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return true;
  }
  if (OneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off",
                   "OFF"})) {
    return false;
  }
  const bool digit =
      absl::ascii_isdigit(static_cast<unsigned char>(text.back()));
  int64_t integer = 0;
  uint64_t natural = 0;
  if (digit && absl::SimpleAtoi(text, &integer)) return integer;
  if (digit && absl::SimpleAtoi(text, &natural)) return natural;
  if (absl::StartsWith(text, "0x") &&
      absl::SimpleHexAtoi(text.substr(2), &natural)) {
    return natural;
  }
  double real = 0;
  const char first = text[0];
  if ((absl::ascii_isdigit(static_cast<unsigned char>(first)) ||
       absl::StrContains("+-.", first)) &&
      text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
      absl::SimpleAtod(text, &real) && std::isfinite(real)) {
    return real;
  }
  return text;
}

class Converter {
 public:
  absl::StatusOr<Json> Convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) return At(node.Mark(), "nested too deeply");
    if (++nodes_ > kMaxNodes) return At(node.Mark(), "too many nodes");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return Json();
      case YAML::NodeType::Scalar:
        // yaml-cpp tags a quoted scalar "!", a plain one "?".
        if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
          return Json(node.Scalar());
        }
        return PlainScalar(node.Scalar());
      case YAML::NodeType::Sequence:
        return Sequence(node, depth);
      case YAML::NodeType::Map:
        return Map(node, depth);
    }
    return At(node.Mark(), "unknown kind of node");
  }

 private:
  absl::StatusOr<Json> Sequence(const YAML::Node& node, int depth) {
    Json result = Json::array();
    for (const YAML::Node& item : node) {
      ASSIGN_OR_RETURN(Json value, Convert(item, depth + 1));
      result.push_back(std::move(value));
    }
    return result;
  }

  absl::StatusOr<Json> Map(const YAML::Node& node, int depth) {
    Json result = Json::object();
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) {
        return At(pair.first.Mark(), "a key is not a scalar");
      }
      const std::string& key = pair.first.Scalar();
      ASSIGN_OR_RETURN(Json value, Convert(pair.second, depth + 1));
      if (!result.emplace(key, std::move(value)).second) {
        return At(pair.first.Mark(),
                  absl::StrCat("key \"", key, "\" is given twice"));
      }
    }
    return result;
  }

  int nodes_ = 0;
};

void Emit(const Json& value, YAML::Emitter* out) {
  if (value.is_object()) {
    *out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, item] : value.items()) {
      *out << YAML::Key << key << YAML::Value;
      Emit(item, out);
    }
    *out << YAML::EndMap;
  } else if (value.is_array()) {
    *out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const Json& item : value) Emit(item, out);
    *out << YAML::EndSeq;
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    // What would be read back as something else is quoted.
    const bool plain = !text.empty() && PlainScalar(text).is_string();
    *out << (plain ? YAML::Auto : YAML::DoubleQuoted) << text;
  } else if (value.is_null()) {
    *out << YAML::Null;
  } else {
    *out << runtime::DumpJson(value);
  }
}

}  // namespace

absl::StatusOr<std::vector<Json>> ParseYamlDocuments(absl::string_view text,
                                                     absl::string_view source) {
  std::vector<Json> documents;
  try {
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      auto value = Converter().Convert(node, 0);
      if (!value.ok()) return runtime::Annotate(value.status(), source);
      if (!value->is_null()) documents.push_back(*std::move(value));
    }
  } catch (const YAML::Exception& error) {
    return runtime::Annotate(At(error.mark, error.msg), source);
  }
  return documents;
}

absl::StatusOr<Json> ParseYaml(absl::string_view text,
                               absl::string_view source) {
  ASSIGN_OR_RETURN(std::vector<Json> documents,
                   ParseYamlDocuments(text, source));
  if (documents.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": more than one document"));
  }
  return documents.empty() ? Json() : std::move(documents[0]);
}

std::string FormatYaml(const Json& value) {
  YAML::Emitter out;
  Emit(value, &out);
  return absl::StrCat(out.c_str(), "\n");
}

}  // namespace agent::config
