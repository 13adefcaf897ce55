// SPDX-License-Identifier: Apache-2.0
// Texts of others (names, messages, outputs) as they may be shown.
#ifndef CORACLE_RUNTIME_BASE_TEXT_H_
#define CORACLE_RUNTIME_BASE_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace runtime {

// `text` with a space for each control character, also those that UTF-8 writes
// in two bytes: it neither ends a line nor drives a terminal.
std::string OneLine(absl::string_view text);

// "512 B", "4.0 KiB", "1.5 GiB".
std::string HumanBytes(uint64_t bytes);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_TEXT_H_
