// SPDX-License-Identifier: Apache-2.0
// What commands share: parsed words, a container looked up, start and delete
// as functions.
#ifndef CORACLE_RUNTIME_COMMAND_WORDS_H_
#define CORACLE_RUNTIME_COMMAND_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/command/command.h"
#include "runtime/command/flags.h"

namespace runtime::command {

struct Parsed {
  bool help = false;  // printed already
  Words rest;
};
// INVALID_ARGUMENT unless between `least` and `most` words follow the flags.
absl::StatusOr<Parsed> ParseWords(const Flags& flags, const Words& words,
                                  size_t least, size_t most);

void Print(absl::string_view text);

absl::Status StartContainer(const Context& context, const Record& record);
// Kills if need be and allowed; removes cgroups and record.
absl::Status DeleteContainer(const Context& context, const Record& record,
                             bool force);

// "9", "KILL" or "SIGKILL".
absl::StatusOr<int> ParseSignal(const std::string& text);

}  // namespace runtime::command

#endif  // CORACLE_RUNTIME_COMMAND_WORDS_H_
