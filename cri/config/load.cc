// SPDX-License-Identifier: Apache-2.0
// From file and flags to a Config.
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/config/keys.h"
#include "cri/config/kinds.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::config {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

// Letters to insert, remove or change, and pairs of neighbours to swap.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

absl::Status ApplyYaml(const std::string& text, const std::string& name,
                       Config& config) {
  ASSIGN_OR_RETURN(Value top, ParseYaml(text, name));
  if (top.kind == Value::Kind::kNothing) return absl::OkStatus();
  if (top.kind != Value::Kind::kMap) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":1: expected \"key: value\" lines"));
  }
  int line = 0;
  absl::Status status = SetAll(Fields(), top, config, &line);
  RETURN_IF_ERROR(runtime::Annotate(status, absl::StrCat(name, ":", line)));
  for (const auto& [key, value] : top.map) {
    config.origins[key] = absl::StrCat(name, ":", value.line);
  }
  return absl::OkStatus();
}

absl::Status ApplyOverrides(const Overrides& overrides, Config& config) {
  for (const auto& [name, text] : overrides) {
    std::string flag = absl::StrCat("--", name);
    std::replace(flag.begin(), flag.end(), '_', '-');
    Value one;
    one.map.push_back({name, Word(text)});
    int line = 0;
    // The name in the error is the flag's, not the key's.
    auto field =
        std::find_if(Fields().begin(), Fields().end(),
                     [&key = name](const auto& f) { return f.name == key; });
    if (field == Fields().end()) return SetAll(Fields(), one, config, &line);
    RETURN_IF_ERROR(
        runtime::Annotate(field->kind.set(config, Word(text), &line), flag));
    config.origins[name] = flag;
  }
  return absl::OkStatus();
}

absl::Status CheckDefaultHandler(const Config& config,
                                 const std::string& name) {
  const std::string& chosen = config.default_handler;
  if (chosen.empty() || config.handlers.count(chosen) > 0) {
    return absl::OkStatus();
  }
  std::vector<absl::string_view> known;
  for (const auto& [one, handler] : config.handlers) known.push_back(one);
  const auto origin = config.origins.find("default_handler");
  return absl::InvalidArgumentError(
      absl::StrCat(origin == config.origins.end() ? name : origin->second,
                   ": default_handler: \"", chosen, "\" is none of handlers (",
                   absl::StrJoin(known, ", "), ")", Suggestion(chosen, known)));
}

}  // namespace

absl::Status Expected(absl::string_view what, absl::string_view got) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", what, ", not \"", got, "\""));
}

std::string Suggestion(absl::string_view name,
                       const std::vector<absl::string_view>& known) {
  absl::string_view nearest;
  size_t best = std::numeric_limits<size_t>::max();
  for (const absl::string_view candidate : known) {
    size_t distance = EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  // What differs in more than a third is another word.
  if (best > std::max<size_t>(3, name.size()) / 3) return "";
  return absl::StrCat("; did you mean \"", nearest, "\"?");
}

absl::StatusOr<std::string> AsWord(const Value& value) {
  if (value.kind == Value::Kind::kWord) return value.word;
  return absl::InvalidArgumentError(absl::StrCat(
      "expected one value, not a ", value.kind == Value::Kind::kList ? "list"
                                    : value.kind == Value::Kind::kMap
                                        ? "map"
                                        : "missing one"));
}

absl::StatusOr<std::vector<std::string>> AsWords(const Value& value) {
  std::vector<std::string> words;
  if (value.kind == Value::Kind::kList) {
    for (const Value& item : value.list) {
      ASSIGN_OR_RETURN(std::string word, AsWord(item));
      words.push_back(std::move(word));
    }
    return words;
  }
  ASSIGN_OR_RETURN(std::string text, AsWord(value));
  words = absl::StrSplit(text, ',', absl::SkipEmpty());
  return words;
}

absl::StatusOr<Config> Parse(absl::string_view text, const std::string& name,
                             const Overrides& overrides) {
  Config config;
  RETURN_IF_ERROR(ApplyYaml(std::string(text), name, config));
  RETURN_IF_ERROR(ApplyOverrides(overrides, config));
  RETURN_IF_ERROR(CheckDefaultHandler(config, name));
  return config;
}

absl::StatusOr<Config> Load(const std::string& file,
                            const Overrides& overrides) {
  if (file.empty() && !runtime::Exists(kDefaultFile)) {
    return Parse("", kDefaultFile, overrides);
  }
  const std::string& path = file.empty() ? kDefaultFile : file;
  ASSIGN_OR_RETURN(std::string text, runtime::ReadFile(path, kMaxConfigBytes));
  return Parse(text, path, overrides);
}

std::string LauncherPath(const Config& config) {
  if (!config.launcher.empty()) return config.launcher;
  char path[4096] = {};
  if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0) {
    return "/usr/bin/coracle-oci";
  }
  std::string self(path);
  return self.substr(0, self.rfind('/')) + "/coracle-oci";
}

const HandlerConfig* FindHandler(const Config& config,
                                 const std::string& name) {
  const auto it =
      config.handlers.find(name.empty() ? config.default_handler : name);
  return it == config.handlers.end() ? nullptr : &it->second;
}

runtime::log::Level LogLevel(const Config& config) {
  using runtime::log::Level;
  if (config.log_level == "debug") return Level::kDebug;
  if (config.log_level == "warning") return Level::kWarning;
  if (config.log_level == "error") return Level::kError;
  return Level::kInfo;
}

}  // namespace cri::config
