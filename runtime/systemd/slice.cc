// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/slice.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace runtime::systemd {
namespace {

constexpr size_t kMaxUnitName = 255;

bool IsNamePart(absl::string_view part) {
  for (const char c : part) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != ':' &&
        c != '_' && c != '.' && c != '\\') {
      return false;
    }
  }
  return !part.empty();
}

}  // namespace

absl::StatusOr<std::string> SlicePath(absl::string_view name) {
  const absl::Status wrong = absl::InvalidArgumentError(absl::StrCat(
      "\"", name.substr(0, kMaxUnitName), "\" is no name of a slice"));
  absl::string_view stem = name;
  if (name.size() > kMaxUnitName || !absl::ConsumeSuffix(&stem, ".slice")) {
    return wrong;
  }
  std::string path, prefix;
  for (absl::string_view part : absl::StrSplit(stem, '-')) {
    if (!IsNamePart(part)) return wrong;
    absl::StrAppend(&prefix, prefix.empty() ? "" : "-", part);
    absl::StrAppend(&path, "/", prefix, ".slice");
  }
  return path;
}

absl::StatusOr<std::string> SliceOfParent(absl::string_view parent) {
  const absl::string_view name = parent.substr(parent.rfind('/') + 1);
  ASSIGN_OR_RETURN(const std::string path, SlicePath(name));
  if (parent == name || parent == path || absl::StrCat("/", parent) == path) {
    return std::string(name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", parent, "\" is not where ", name, " belongs: ", path));
}

std::string ScopeName(absl::string_view sandbox_id) {
  return absl::StrCat("coracle-", sandbox_id, ".scope");
}

}  // namespace runtime::systemd
