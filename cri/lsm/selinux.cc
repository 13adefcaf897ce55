// SPDX-License-Identifier: Apache-2.0
#include "cri/lsm/selinux.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/lsm/lsm.h"

namespace cri::lsm {
namespace {

constexpr char kField[] = "security_context.selinux_options";
constexpr char kUnconfinedType[] = "spc_t";
constexpr size_t kMaxPartBytes = 512;

absl::Status CheckPart(absl::string_view name, absl::string_view value,
                       absl::string_view marks) {
  bool plain = value.size() <= kMaxPartBytes;
  for (const char c : value) {
    plain &= absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
             marks.find(c) != absl::string_view::npos;
  }
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(kField, ".", name, ": is not a part of an SELinux label"));
}

// The value of `key` in a file of "key = value" lines, without quotes; "" if it
// has none.
std::string ValueIn(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, key)) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "=")) continue;
    line = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "\"")) absl::ConsumeSuffix(&line, "\"");
    return std::string(line);
  }
  return "";
}

// "user:role:type:level", of which the level may hold colons.
absl::StatusOr<std::vector<std::string>> Parts(const std::string& label,
                                               const std::string& file) {
  std::vector<std::string> parts =
      absl::StrSplit(label, absl::MaxSplits(':', 3));
  if (parts.size() == 3) parts.push_back("s0");
  if (parts.size() == 4) return parts;
  return absl::FailedPreconditionError(
      absl::StrCat(kField, ": ", file, ": \"", label, "\" is not a label"));
}

}  // namespace

absl::Status CheckSelinux(const runtime::v1::SELinuxOption& options) {
  RETURN_IF_ERROR(CheckPart("user", options.user(), "_.-"));
  RETURN_IF_ERROR(CheckPart("role", options.role(), "_.-"));
  RETURN_IF_ERROR(CheckPart("type", options.type(), "_.-"));
  return CheckPart("level", options.level(), "_.-:,");
}

absl::StatusOr<SelinuxLabels> LabelsFor(
    const runtime::v1::SELinuxOption& options, const Host& host) {
  SelinuxLabels labels;
  if (options.user().empty() && options.role().empty() &&
      options.type().empty() && options.level().empty()) {
    return labels;
  }
  RETURN_IF_ERROR(CheckSelinux(options));
  if (!runtime::lsm::Detect(host.sys).selinux) {
    if (options.type() == kUnconfinedType) return labels;
    return absl::FailedPreconditionError(
        absl::StrCat(kField, ": SELinux is not enabled on this host"));
  }
  ASSIGN_OR_RETURN(std::string config, runtime::ReadFile(runtime::JoinPath(
                                           host.selinux_dir, "config")));
  const std::string file =
      absl::StrCat(host.selinux_dir, "/", ValueIn(config, "SELINUXTYPE"),
                   "/contexts/lxc_contexts");
  ASSIGN_OR_RETURN(std::string contexts, runtime::ReadFile(file));
  ASSIGN_OR_RETURN(std::vector<std::string> process,
                   Parts(ValueIn(contexts, "process"), file));
  ASSIGN_OR_RETURN(std::vector<std::string> mount,
                   Parts(ValueIn(contexts, "file"), file));
  if (!options.user().empty()) process[0] = options.user();
  if (!options.role().empty()) process[1] = options.role();
  if (!options.type().empty()) process[2] = options.type();
  if (!options.level().empty()) process[3] = options.level();
  mount[3] = process[3];
  labels.process = absl::StrJoin(process, ":");
  labels.mount = absl::StrJoin(mount, ":");
  return labels;
}

}  // namespace cri::lsm
