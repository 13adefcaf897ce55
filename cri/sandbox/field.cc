// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/field.h"

#include <limits.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cri::sandbox {

absl::Status InvalidField(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status CheckEnum(absl::string_view field, bool valid, int value) {
  if (valid) return absl::OkStatus();
  return InvalidField(field,
                      absl::StrCat(value, " is not a value of this API"));
}

absl::Status CheckPath(absl::string_view field, const std::string& path) {
  if (!absl::StartsWith(path, "/")) {
    return InvalidField(field, "is not an absolute path");
  }
  if (path.size() >= PATH_MAX || absl::StrContains(path, '\0')) {
    return InvalidField(field, "is too long or holds a NUL byte");
  }
  return absl::OkStatus();
}

}  // namespace cri::sandbox
