// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/name.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"

namespace cri::cdi {
namespace {

constexpr char kAnnotationPrefix[] = "cdi.k8s.io/";
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxDevices = 1024;

bool IsLetter(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c));
}
bool IsAlphanumeric(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}

absl::Status Invalid(absl::string_view part, absl::string_view text,
                     absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      part, " \"", absl::CHexEscape(text.substr(0, 128)), "\" ", why));
}

absl::Status CheckPart(absl::string_view part, absl::string_view text,
                       bool digit_first, absl::string_view marks) {
  if (text.empty()) return Invalid(part, text, "is empty");
  if (text.size() > kMaxNameBytes) return Invalid(part, text, "is too long");
  if (!IsLetter(text.front()) &&
      !(digit_first && IsAlphanumeric(text.front()))) {
    return Invalid(part, text,
                   digit_first ? "does not begin with a letter or digit"
                               : "does not begin with a letter");
  }
  if (!IsAlphanumeric(text.back())) {
    return Invalid(part, text, "does not end with a letter or digit");
  }
  for (const char c : text) {
    if (IsAlphanumeric(c) || absl::StrContains(marks, c)) continue;
    return Invalid(
        part, text,
        absl::StrCat("holds '", absl::CHexEscape(absl::string_view(&c, 1)),
                     "'"));
  }
  return absl::OkStatus();
}

absl::Status Add(absl::string_view name, std::vector<std::string>& names) {
  RETURN_IF_ERROR(CheckName(name));
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    return absl::OkStatus();
  }
  if (names.size() == kMaxDevices) {
    return absl::InvalidArgumentError(
        absl::StrCat("asks for more than ", kMaxDevices, " devices"));
  }
  names.emplace_back(name);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKind(absl::string_view kind) {
  const size_t slash = kind.find('/');
  if (slash == absl::string_view::npos) {
    return Invalid("kind", kind, "is not VENDOR/CLASS");
  }
  RETURN_IF_ERROR(CheckPart("vendor", kind.substr(0, slash), false, "_-."));
  return CheckPart("class", kind.substr(slash + 1), false, "_-.");
}

absl::Status CheckDevice(absl::string_view device) {
  return CheckPart("device", device, true, "_-.:");
}

absl::Status CheckName(absl::string_view name) {
  const size_t equals = name.find('=');
  if (equals == absl::string_view::npos ||
      !absl::StrContains(name.substr(0, equals), '/')) {
    return Invalid("name", name, "is not VENDOR/CLASS=DEVICE");
  }
  RETURN_IF_ERROR(CheckKind(name.substr(0, equals)));
  return CheckDevice(name.substr(equals + 1));
}

absl::StatusOr<std::vector<std::string>> RequestedDevices(
    const runtime::v1::ContainerConfig& config) {
  std::vector<std::string> names;
  for (const runtime::v1::CDIDevice& device : config.cdi_devices()) {
    RETURN_IF_ERROR(
        runtime::Annotate(Add(device.name(), names), "config.CDI_devices"));
  }
  const std::map<std::string, std::string> sorted(config.annotations().begin(),
                                                  config.annotations().end());
  for (const auto& [key, value] : sorted) {
    if (!absl::StartsWith(key, kAnnotationPrefix)) continue;
    for (const absl::string_view name : absl::StrSplit(value, ',')) {
      RETURN_IF_ERROR(runtime::Annotate(
          Add(name, names),
          absl::StrCat("config.annotations: ",
                       absl::CHexEscape(key.substr(0, 128)))));
    }
  }
  return names;
}

}  // namespace cri::cdi
