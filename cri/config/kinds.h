// SPDX-License-Identifier: Apache-2.0
// What rows of a table of settings are made of: how each kind of value is read,
// checked, shown and copied. Inside this room only.
#ifndef CORACLE_CRI_CONFIG_KINDS_H_
#define CORACLE_CRI_CONFIG_KINDS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cri/config/field.h"
#include "cri/config/value.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::config {

absl::Status Expected(absl::string_view what, absl::string_view got);
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

// With `or_zero` 0 is fine, too.
template <typename T>
Kind<T> Number(int64_t T::*member, int64_t least, int64_t most,
               bool or_zero = false) {
  return Of(member,
            absl::StrCat(or_zero ? "0 or " : "", "a number from ", least,
                         " to ", most),
            [=](const Value& value,
                const std::string& what) -> absl::StatusOr<int64_t> {
              ASSIGN_OR_RETURN(std::string word, AsWord(value));
              int64_t number = 0;
              if (!absl::SimpleAtoi(word, &number)) return Expected(what, word);
              if (or_zero && number == 0) return number;
              if (number < least || number > most) return Expected(what, word);
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
Kind<T> Words(std::vector<std::string> T::*member,
              std::string expects = "a list of words",
              bool (*check)(const std::string&) = nullptr) {
  return Of(member, std::move(expects),
            [check](const Value& value, const std::string& what)
                -> absl::StatusOr<std::vector<std::string>> {
              ASSIGN_OR_RETURN(std::vector<std::string> words, AsWords(value));
              for (const std::string& word : words) {
                if (check != nullptr && !check(word)) {
                  return Expected(what, word);
                }
              }
              return words;
            });
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

#endif  // CORACLE_CRI_CONFIG_KINDS_H_
