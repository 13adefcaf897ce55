// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/text.h"

#include "absl/strings/ascii.h"

namespace runtime {
namespace {

// U+0080 to U+009F.
bool IsC1(absl::string_view text) {
  if (text.size() < 2 || text[0] != '\xc2') return false;
  const auto second = static_cast<unsigned char>(text[1]);
  return second >= 0x80 && second <= 0x9f;
}

}  // namespace

std::string OneLine(absl::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const bool c1 = IsC1(text);
    const auto c = static_cast<unsigned char>(text[0]);
    line += c1 || absl::ascii_iscntrl(c) ? ' ' : text[0];
    text.remove_prefix(c1 ? 2 : 1);
  }
  return line;
}

}  // namespace runtime
