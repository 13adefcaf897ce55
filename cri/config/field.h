// SPDX-License-Identifier: Apache-2.0
// Field is one row of a table of settings: name, help and how a Value becomes a
// member of the struct T and back. The kinds below are what rows are made of.
// Inside this room only.
#ifndef CORACLE_CRI_CONFIG_FIELD_H_
#define CORACLE_CRI_CONFIG_FIELD_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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

absl::Status Expected(absl::string_view what, absl::string_view got);
// "; did you mean \"state\"?", or "" if nothing is near.
std::string Suggestion(absl::string_view name,
                       const std::vector<absl::string_view>& known);
// The text of a word; an error for a list or a map.
absl::StatusOr<std::string> AsWord(const Value& value);
// The words of a list; a single word counts as items between commas.
absl::StatusOr<std::vector<std::string>> AsWords(const Value& value);

// A member that `parse` reads; `parse` gets the value and what was expected.
template <typename T, typename Member, typename Parse>
Kind<T> Of(Member T::*member, std::string expects, Parse parse) {
  Kind<T> kind;
  kind.set = [=](T& to, const Value& value, int*) -> absl::Status {
    ASSIGN_OR_RETURN(to.*member, parse(value, expects));
    return absl::OkStatus();
  };
  kind.get = [=](const T& from) { return runtime::Json(from.*member); };
  kind.copy = [=](const T& from, T& to) { to.*member = from.*member; };
  kind.expects = std::move(expects);
  return kind;
}

// A word that `check` accepts.
template <typename T, typename Check>
Kind<T> Checked(std::string T::*member, std::string expects, Check check) {
  return Of(member, std::move(expects),
            [check](const Value& value,
                    const std::string& what) -> absl::StatusOr<std::string> {
              ASSIGN_OR_RETURN(std::string word, AsWord(value));
              if (!check(word)) return Expected(what, word);
              return word;
            });
}

template <typename T>
Kind<T> Text(std::string T::*member) {
  return Checked(member, "text", [](absl::string_view) { return true; });
}

template <typename T>
Kind<T> Directory(std::string T::*member) {
  return Checked(member, "an absolute path", [](absl::string_view text) {
    return !text.empty() && text[0] == '/';
  });
}

template <typename T>
Kind<T> OneOf(std::string T::*member, std::vector<std::string> words) {
  return Checked(
      member, absl::StrJoin(words, " or "), [words](const std::string& text) {
        return std::find(words.begin(), words.end(), text) != words.end();
      });
}

template <typename T>
Kind<T> Number(int64_t T::*member, int64_t least, int64_t most) {
  return Of(member, absl::StrCat("a number from ", least, " to ", most),
            [=](const Value& value,
                const std::string& what) -> absl::StatusOr<int64_t> {
              ASSIGN_OR_RETURN(std::string word, AsWord(value));
              int64_t number = 0;
              if (!absl::SimpleAtoi(word, &number) || number < least ||
                  number > most) {
                return Expected(what, word);
              }
              return number;
            });
}

template <typename T>
Kind<T> Flag(bool T::*member) {
  return Of(
      member, "true or false",
      [](const Value& value, const std::string& what) -> absl::StatusOr<bool> {
        ASSIGN_OR_RETURN(std::string word, AsWord(value));
        if (word == "true") return true;
        if (word == "false") return false;
        return Expected(what, word);
      });
}

// On the command line: items between commas.
template <typename T>
Kind<T> Words(std::vector<std::string> T::*member) {
  return Of(
      member, "a list of words",
      [](const Value& value, const std::string&) { return AsWords(value); });
}

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

// Entries by name, each with the settings of `fields`, beside those that are
// there already; `check` looks at a whole entry. Shown without what is default.
template <typename T, typename Part>
Kind<T> MapOf(std::map<std::string, Part> T::*member,
              const std::vector<Field<Part>>& fields,
              absl::Status (*check)(const std::string& name, const Part&)) {
  Kind<T> kind;
  kind.expects = "a map of names to settings";
  kind.set = [=, &fields](T& to, const Value& value,
                          int* line) -> absl::Status {
    if (value.kind != Value::Kind::kMap) {
      return absl::InvalidArgumentError("expected a map of names to settings");
    }
    std::map<std::string, Part> entries = to.*member;
    for (const auto& [name, settings] : value.map) {
      *line = settings.line;
      Part part;
      absl::Status status;
      if (settings.kind == Value::Kind::kMap) {
        status = SetAll(fields, settings, part, line);
      } else if (settings.kind != Value::Kind::kNothing) {
        status = absl::InvalidArgumentError("expected a map of settings");
      }
      if (status.ok()) status = check(name, part);
      RETURN_IF_ERROR(runtime::Annotate(status, name));
      entries[name] = std::move(part);
    }
    to.*member = std::move(entries);
    return absl::OkStatus();
  };
  kind.get = [=, &fields](const T& from) {
    runtime::Json result = runtime::Json::object();
    for (const auto& [name, part] : from.*member) {
      runtime::Json& entry = result[name] = runtime::Json::object();
      for (const auto& field : fields) {
        runtime::Json value = field.kind.get(part);
        if (value != field.kind.get(Part())) entry[field.name] = value;
      }
    }
    return result;
  };
  kind.copy = [=](const T& from, T& to) { to.*member = from.*member; };
  for (const auto& field : fields) {
    kind.parts.push_back({field.name,
                          field.help,
                          field.reload,
                          /*is_flag=*/false,
                          field.kind.expects,
                          field.kind.get(Part()),
                          {}});
  }
  return kind;
}

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_FIELD_H_
