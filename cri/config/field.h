// SPDX-License-Identifier: Apache-2.0
// Field is one row of a table of settings: name, help and how a Value becomes a
// member of the struct T and back. What rows are made of is in kinds.h. Inside
// this room only.
#ifndef CORACLE_CRI_CONFIG_FIELD_H_
#define CORACLE_CRI_CONFIG_FIELD_H_

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cri/config/config.h"
#include "cri/config/value.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::config {

template <typename T>
struct Kind {
  std::string expects;  // "a number from 0 to 65535"
  // An error says only what is wrong with the value; *line is then the line
  // where, if it lies deeper than the value's own.
  std::function<absl::Status(T&, const Value&, int* line)> set;
  std::function<runtime::Json(const T&)> get;
  std::function<void(const T& from, T& to)> copy;
  std::vector<Key> parts;  // of each entry of a map
};

template <typename T>
struct Field {
  const char* name;
  const char* help;
  Reload reload;
  Kind<T> kind;
};

// "; did you mean \"state\"?", or "" if nothing is near.
std::string Suggestion(absl::string_view name,
                       const std::vector<absl::string_view>& known);

// Sets the members of `to` that `map` names, each by its row of `fields`. On an
// error *line is where.
template <typename T>
absl::Status SetAll(const std::vector<Field<T>>& fields, const Value& map,
                    T& to, int* line) {
  for (const auto& [name, value] : map.map) {
    *line = value.line;
    auto field =
        std::find_if(fields.begin(), fields.end(),
                     [&key = name](const auto& f) { return f.name == key; });
    absl::Status status;
    if (field == fields.end()) {
      std::vector<absl::string_view> known;
      for (const Field<T>& f : fields) known.push_back(f.name);
      status = absl::InvalidArgumentError(
          absl::StrCat("unknown key \"", name, "\"", Suggestion(name, known)));
    } else {
      status = runtime::Annotate(field->kind.set(to, value, line), name);
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_FIELD_H_
