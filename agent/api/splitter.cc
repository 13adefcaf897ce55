// SPDX-License-Identifier: Apache-2.0
#include "agent/api/splitter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace agent::api {
namespace {

absl::Status TooLarge(size_t max) {
  return absl::ResourceExhaustedError(
      absl::StrCat("an object is larger than ", max, " bytes"));
}

}  // namespace

bool JsonSplitter::Step(char c) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return false;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if (c == '}' || c == ']') return --depth_ == 0;
  return false;
}

absl::Status JsonSplitter::Feed(absl::string_view data, const Sink& sink) {
  size_t begin = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    if (depth_ == 0 && c != '{') {
      if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
        return absl::InvalidArgumentError(
            absl::StrCat("expected an object, found \"",
                         absl::CHexEscape(data.substr(i, 20)), "\""));
      }
      begin = i + 1;
      continue;
    }
    if (!Step(c)) continue;
    object_.append(data.data() + begin, i + 1 - begin);
    begin = i + 1;
    std::string object;
    object.swap(object_);
    if (object.size() > max_) return TooLarge(max_);
    RETURN_IF_ERROR(sink(object));
  }
  object_.append(data.data() + begin, data.size() - begin);
  return object_.size() > max_ ? TooLarge(max_) : absl::OkStatus();
}

}  // namespace agent::api
