// SPDX-License-Identifier: Apache-2.0
#include "cri/container/seccomp.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cri/container/seccomp_table.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

constexpr int kErrnoPerm = 1;     // EPERM
constexpr int kErrnoNoSys = 38;   // ENOSYS
constexpr int kFamilyAlg = 38;    // AF_ALG
constexpr int kFamilyVsock = 40;  // AF_VSOCK
// Every flag of clone(2) that makes a namespace.
constexpr int64_t kCloneNewMask = 0x7E020000;

Json Rule(Json names, Json args) {
  Json rule{{"names", std::move(names)}, {"action", "SCMP_ACT_ALLOW"}};
  if (!args.empty()) rule["args"] = std::move(args);
  return rule;
}

Json Arg(int index, int64_t value, const char* op) {
  return Json{{"index", index}, {"value", value}, {"op", op}};
}

void AppendWords(const char* words, Json& names) {
  for (absl::string_view word : absl::StrSplit(words, ' ')) {
    names.push_back(std::string(word));
  }
}

// Socket families by number: all but AF_ALG and AF_VSOCK, which reach past the
// container's namespaces. Rules for one call are alternatives.
void AllowSockets(Json& rules) {
  const Json name = Json::array({"socket"});
  rules.push_back(Rule(name, Json::array({Arg(0, kFamilyAlg, "SCMP_CMP_LT")})));
  rules.push_back(
      Rule(name, Json::array({Arg(0, kFamilyAlg + 1, "SCMP_CMP_EQ")})));
  rules.push_back(
      Rule(name, Json::array({Arg(0, kFamilyVsock, "SCMP_CMP_GT")})));
}

void AllowPersonalities(Json& rules) {
  for (int64_t persona : {0x0L, 0x8L, 0x20000L, 0x20008L, 0xffffffffL}) {
    rules.push_back(Rule(Json::array({"personality"}),
                         Json::array({Arg(0, persona, "SCMP_CMP_EQ")})));
  }
}

absl::Status CheckLocalPath(absl::string_view path) {
  if (absl::StartsWith(path, "/") && !absl::StrContains(path, '\0')) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("security_context.seccomp: \"",
                                                 absl::CHexEscape(path),
                                                 "\" is not an absolute path"));
}

absl::StatusOr<Json> LocalProfile(const std::string& path) {
  absl::StatusOr<std::string> text = runtime::ReadFile(path, 1 << 20);
  if (!text.ok()) {
    return runtime::Annotate(text.status(), "security_context.seccomp");
  }
  absl::StatusOr<Json> parsed = runtime::ParseJson(*text, path);
  if (!parsed.ok()) {
    return runtime::Annotate(parsed.status(), "security_context.seccomp");
  }
  Json profile = *std::move(parsed);
  if (!profile.is_object() || !runtime::Has(profile, "defaultAction")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "security_context.seccomp: ", path, ": no field defaultAction"));
  }
  return profile;
}

constexpr char kLocalPrefix[] = "localhost/";

// The deprecated string form: "", "unconfined", "runtime/default",
// "docker/default", "localhost/<path>". Older clients still send it.
absl::string_view ProfilePath(
    const v1::LinuxContainerSecurityContext& security) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return security.seccomp_profile_path();
#pragma GCC diagnostic pop
}

bool IsUnconfined(absl::string_view path) {
  return path.empty() || path == "unconfined";
}

bool IsDefault(absl::string_view path) {
  return path == "runtime/default" || path == "docker/default";
}

absl::Status CheckProfilePath(absl::string_view path) {
  if (IsUnconfined(path) || IsDefault(path)) return absl::OkStatus();
  if (absl::ConsumePrefix(&path, kLocalPrefix)) return CheckLocalPath(path);
  return absl::InvalidArgumentError(absl::StrCat(
      "security_context.seccomp_profile_path: \"", path, "\" is unknown"));
}

absl::StatusOr<Json> FromProfilePath(
    absl::string_view path, const std::vector<std::string>& capabilities) {
  if (IsUnconfined(path)) return Json();
  if (IsDefault(path)) return DefaultSeccomp(capabilities);
  return LocalProfile(std::string(absl::StripPrefix(path, kLocalPrefix)));
}

}  // namespace

Json DefaultSeccomp(const std::vector<std::string>& capabilities) {
  Json names = Json::array();
  for (const char* const* words = kAlwaysAllowed; *words != nullptr; ++words) {
    AppendWords(*words, names);
  }
  bool admin = false;
  for (const CapabilityCalls* entry = kAllowedByCapability;
       entry->capability != nullptr; ++entry) {
    if (std::find(capabilities.begin(), capabilities.end(),
                  entry->capability) == capabilities.end()) {
      continue;
    }
    AppendWords(entry->calls, names);
    admin = admin || absl::string_view(entry->capability) == "CAP_SYS_ADMIN";
  }
  Json rules = Json::array();
  rules.push_back(Rule(std::move(names), Json::array()));
  AllowSockets(rules);
  AllowPersonalities(rules);
  if (!admin) {
    Json mask = Arg(0, kCloneNewMask, "SCMP_CMP_MASKED_EQ");
    mask["valueTwo"] = 0;
    rules.push_back(Rule(Json::array({"clone"}), Json::array({mask})));
    // The flags of clone3 lie behind a pointer; with ENOSYS libc falls back.
    rules.push_back(Json{{"names", Json::array({"clone3"})},
                         {"action", "SCMP_ACT_ERRNO"},
                         {"errnoRet", kErrnoNoSys}});
  }
  return Json{
      {"defaultAction", "SCMP_ACT_ERRNO"},
      {"defaultErrnoRet", kErrnoPerm},
      {"architectures",
       Json::array({"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"})},
      {"syscalls", std::move(rules)}};
}

absl::Status CheckSeccomp(const v1::LinuxContainerSecurityContext& security) {
  if (security.privileged()) return absl::OkStatus();
  if (!security.has_seccomp()) return CheckProfilePath(ProfilePath(security));
  if (security.seccomp().profile_type() != v1::SecurityProfile::Localhost) {
    return absl::OkStatus();
  }
  return CheckLocalPath(security.seccomp().localhost_ref());
}

absl::StatusOr<Json> SeccompFor(
    const v1::LinuxContainerSecurityContext& security,
    const std::vector<std::string>& capabilities) {
  if (security.privileged()) return Json();
  RETURN_IF_ERROR(CheckSeccomp(security));
  if (!security.has_seccomp()) {
    return FromProfilePath(ProfilePath(security), capabilities);
  }
  switch (security.seccomp().profile_type()) {
    case v1::SecurityProfile::RuntimeDefault:
      return DefaultSeccomp(capabilities);
    case v1::SecurityProfile::Unconfined:
      return Json();
    case v1::SecurityProfile::Localhost:
      return LocalProfile(security.seccomp().localhost_ref());
    default:
      return absl::InvalidArgumentError(
          "security_context.seccomp.profile_type: unknown");
  }
}

}  // namespace cri::container
