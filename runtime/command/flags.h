// SPDX-License-Identifier: Apache-2.0
// A small parser for command lines in the manner of runc: --name VALUE,
// --name=VALUE, -n VALUE; flags end at the first word that is none, or at "--".
#ifndef CORACLE_RUNTIME_COMMAND_FLAGS_H_
#define CORACLE_RUNTIME_COMMAND_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace runtime::command {

// Targets must outlive Parse. Not thread safe.
class Flags {
 public:
  // `usage` follows "coracle-oci " in the help; `about` is its first paragraph.
  Flags(std::string usage, std::string about);

  // `letter` 0 = no short form.
  void Bool(const char* name, char letter, bool* value, const char* help);
  void String(const char* name, char letter, std::string* value,
              const char* argument, const char* help);
  void List(const char* name, char letter, std::vector<std::string>* values,
            const char* argument, const char* help);

  // Fills the targets; the rest of the words goes to *rest. INVALID_ARGUMENT
  // names the flag. --help and -h set *help.
  absl::Status Parse(const std::vector<std::string>& words,
                     std::vector<std::string>* rest, bool* help) const;
  std::string Help() const;

 private:
  struct Flag {
    const char* name;
    char letter;
    const char* argument;  // nullptr: a switch
    const char* help;
    bool* switch_value = nullptr;
    std::string* text = nullptr;
    std::vector<std::string>* list = nullptr;
  };
  const Flag* Find(const std::string& word) const;

  std::string usage_, about_;
  std::vector<Flag> flags_;
};

}  // namespace runtime::command

#endif  // CORACLE_RUNTIME_COMMAND_FLAGS_H_
