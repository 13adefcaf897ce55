// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/resize.h"

#include <limits>

#include "runtime/base/json.h"

namespace cri::stream {
namespace {

constexpr size_t kMaxObject = 256;

std::optional<uint16_t> Dimension(const runtime::Json& object,
                                  absl::string_view key) {
  const runtime::Json& value = runtime::At(object, key);
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<uint64_t>();
  if (number > std::numeric_limits<uint16_t>::max()) return std::nullopt;
  return static_cast<uint16_t>(number);
}

std::optional<TerminalSize> Parse(const std::string& text) {
  const auto object = runtime::ParseJson(text, "resize");
  if (!object.ok()) return std::nullopt;
  const auto rows = Dimension(*object, "Height");
  const auto columns = Dimension(*object, "Width");
  // Zero is what a client without a terminal says.
  if (!rows || !columns || *rows == 0 || *columns == 0) return std::nullopt;
  return TerminalSize{*rows, *columns};
}

}  // namespace

std::optional<TerminalSize> ResizeReader::Feed(absl::string_view data) {
  std::optional<TerminalSize> last;
  for (const char c : data) {
    if (c == '{') object_.clear();
    if (object_.size() < kMaxObject) object_.push_back(c);
    if (c != '}') continue;
    if (const auto size = Parse(object_)) last = size;
    object_.clear();
  }
  return last;
}

}  // namespace cri::stream
