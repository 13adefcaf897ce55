// SPDX-License-Identifier: Apache-2.0
// Value is a piece of the configuration file with the line it stands in: a
// word, a list or a map. Keeps the rest of this room free of the YAML library.
#ifndef CORACLE_CRI_CONFIG_VALUE_H_
#define CORACLE_CRI_CONFIG_VALUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::config {

struct Entry;

struct Value {
  enum class Kind { kNothing, kWord, kList, kMap };

  Kind kind = Kind::kNothing;
  int line = 0;  // from 1; 0 if it does not come from a file
  std::string word;
  bool plain = false;  // the word stands without quotes
  std::vector<Value> list;
  std::vector<Entry> map;  // as written, no key twice
};

struct Entry {
  std::string key;
  Value value;
};

Value Word(absl::string_view text);

// The one YAML document in `text`; kNothing if it is empty. INVALID_ARGUMENT
// "<name>:<line>: …", also for a key that a map holds twice and for aliases
// that make more than 100,000 values of it.
absl::StatusOr<Value> ParseYaml(const std::string& text,
                                const std::string& name);

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_VALUE_H_
