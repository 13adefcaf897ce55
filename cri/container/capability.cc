// SPDX-License-Identifier: Apache-2.0
#include "cri/container/capability.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

// By number: CAP_CHOWN is 0.
constexpr const char* kAll[] = {"CHOWN",
                                "DAC_OVERRIDE",
                                "DAC_READ_SEARCH",
                                "FOWNER",
                                "FSETID",
                                "KILL",
                                "SETGID",
                                "SETUID",
                                "SETPCAP",
                                "LINUX_IMMUTABLE",
                                "NET_BIND_SERVICE",
                                "NET_BROADCAST",
                                "NET_ADMIN",
                                "NET_RAW",
                                "IPC_LOCK",
                                "IPC_OWNER",
                                "SYS_MODULE",
                                "SYS_RAWIO",
                                "SYS_CHROOT",
                                "SYS_PTRACE",
                                "SYS_PACCT",
                                "SYS_ADMIN",
                                "SYS_BOOT",
                                "SYS_NICE",
                                "SYS_RESOURCE",
                                "SYS_TIME",
                                "SYS_TTY_CONFIG",
                                "MKNOD",
                                "LEASE",
                                "AUDIT_WRITE",
                                "AUDIT_CONTROL",
                                "SETFCAP",
                                "MAC_OVERRIDE",
                                "MAC_ADMIN",
                                "SYSLOG",
                                "WAKE_ALARM",
                                "BLOCK_SUSPEND",
                                "AUDIT_READ",
                                "PERFMON",
                                "BPF",
                                "CHECKPOINT_RESTORE"};

// What every container may do unless told otherwise, as elsewhere.
constexpr const char* kDefault[] = {
    "CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",    "MKNOD",
    "NET_RAW", "SETGID",       "SETUID",           "SETFCAP",   "SETPCAP",
    "KILL",    "AUDIT_WRITE",  "NET_BIND_SERVICE", "SYS_CHROOT"};

using Names = std::set<std::string>;  // without "CAP_"

absl::StatusOr<Names> Read(
    const google::protobuf::RepeatedPtrField<std::string>& list,
    absl::string_view field) {
  Names names;
  for (const std::string& item : list) {
    std::string name = absl::AsciiStrToUpper(item);
    if (absl::StartsWith(name, "CAP_")) name.erase(0, 4);
    if (name != "ALL" &&
        std::find(std::begin(kAll), std::end(kAll), name) == std::end(kAll)) {
      return absl::InvalidArgumentError(
          absl::StrCat("security_context.capabilities.", field, ": \"", item,
                       "\" is not a capability"));
    }
    names.insert(std::move(name));
  }
  return names;
}

// In the order of kAll, so that equal sets give equal text.
std::vector<std::string> Spell(const Names& names) {
  std::vector<std::string> result;
  for (const char* name : kAll) {
    if (names.count(name) > 0) result.push_back(absl::StrCat("CAP_", name));
  }
  return result;
}

}  // namespace

absl::StatusOr<CapabilitySets> ResolveCapabilities(
    const runtime::v1::LinuxContainerSecurityContext& security) {
  const runtime::v1::Capability& request = security.capabilities();
  ASSIGN_OR_RETURN(Names add, Read(request.add_capabilities(), "add"));
  ASSIGN_OR_RETURN(Names drop, Read(request.drop_capabilities(), "drop"));
  ASSIGN_OR_RETURN(Names ambient,
                   Read(request.add_ambient_capabilities(), "add_ambient"));
  const Names all(std::begin(kAll), std::end(kAll));
  if (security.privileged()) return CapabilitySets{Spell(all), {}};

  Names result(std::begin(kDefault), std::end(kDefault));
  if (add.count("ALL") > 0) result = all;
  if (drop.count("ALL") > 0) result.clear();
  for (const std::string& name : add) {
    if (name != "ALL") result.insert(name);
  }
  if (ambient.count("ALL") > 0) ambient = all;
  result.insert(ambient.begin(), ambient.end());
  for (const std::string& name : drop) {
    result.erase(name);
    ambient.erase(name);
  }
  return CapabilitySets{Spell(result), Spell(ambient)};
}

std::vector<std::string> MissingCapabilities(uint64_t permitted) {
  std::vector<std::string> missing;
  for (size_t bit = 0; bit < std::size(kAll); ++bit) {
    if ((permitted >> bit & 1) == 0) {
      missing.push_back(absl::StrCat("CAP_", kAll[bit]));
    }
  }
  return missing;
}

}  // namespace cri::container
