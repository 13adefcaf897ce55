// SPDX-License-Identifier: Apache-2.0
#include "runtime/command/words.h"

#include <signal.h>
#include <string.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::command {

void Print(absl::string_view text) {
  // A reader that went away is no failure of the command.
  WriteAll(1, text, "standard output").IgnoreError();
}

absl::StatusOr<Parsed> ParseWords(const Flags& flags, const Words& words,
                                  size_t least, size_t most) {
  Parsed parsed;
  RETURN_IF_ERROR(flags.Parse(words, &parsed.rest, &parsed.help));
  if (parsed.help) {
    Print(flags.Help());
    return parsed;
  }
  if (parsed.rest.size() < least) {
    return absl::InvalidArgumentError("an argument is missing; see --help");
  }
  if (parsed.rest.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", parsed.rest[most], "\""));
  }
  return parsed;
}

absl::StatusOr<int> ParseSignal(const std::string& text) {
  int number;
  if (absl::SimpleAtoi(text, &number) && number > 0 && number < NSIG) {
    return number;
  }
  std::string name = absl::AsciiStrToUpper(text);
  absl::string_view bare = name;
  absl::ConsumePrefix(&bare, "SIG");
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* abbreviation = sigabbrev_np(signal);
    if (abbreviation != nullptr && bare == abbreviation) return signal;
  }
  absl::string_view offset = bare;
  if (absl::ConsumePrefix(&offset, "RTMIN+") &&
      absl::SimpleAtoi(offset, &number) && number >= 0 && number < 31) {
    return SIGRTMIN + number;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown signal \"", text, "\""));
}

}  // namespace runtime::command
