// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/user_namespace.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;

absl::Status Invalid(absl::string_view field, absl::string_view why) {
  return InvalidField(absl::StrCat("namespace_options.", field), why);
}

absl::Status CheckIdMap(const char* name, const IdMappings& map) {
  const std::string field = absl::StrCat("userns_options.", name);
  if (map.size() != 1) {
    return Invalid(field, absl::StrCat("has ", map.size(),
                                       " mappings; exactly one is supported"));
  }
  const v1::IDMapping& line = map[0];
  if (line.container_id() != 0) {
    return Invalid(field, "does not map ID 0 of the container");
  }
  if (line.length() == 0 ||
      uint64_t{line.host_id()} + line.length() > UINT32_MAX) {
    return Invalid(field, absl::StrCat(line.length(), " IDs from ",
                                       line.host_id(), " are no range of IDs"));
  }
  return absl::OkStatus();
}

std::vector<runtime::spec::IdMapping> ToIdMap(const IdMappings& map) {
  std::vector<runtime::spec::IdMapping> result;
  for (const v1::IDMapping& line : map) {
    result.push_back({line.container_id(), line.host_id(), line.length()});
  }
  return result;
}

}  // namespace

absl::Status CheckUserNamespace(const v1::NamespaceOption& options) {
  if (!options.has_userns_options()) return absl::OkStatus();
  const v1::UserNamespace& user = options.userns_options();
  if (user.mode() == v1::NODE) {
    if (user.uids().empty() && user.gids().empty()) return absl::OkStatus();
    return Invalid("userns_options", "has mappings, but its mode is NODE");
  }
  if (user.mode() != v1::POD) {
    return Invalid("userns_options.mode",
                   absl::StrCat("must be POD or NODE, not ",
                                v1::NamespaceMode_Name(user.mode())));
  }
  RETURN_IF_ERROR(CheckIdMap("uids", user.uids()));
  RETURN_IF_ERROR(CheckIdMap("gids", user.gids()));
  // A namespace of the host's belongs to the host's user namespace: the pod's
  // root could not even mount its own /proc or /sys there.
  const std::pair<const char*, v1::NamespaceMode> others[] = {
      {"network", options.network()},
      {"pid", options.pid()},
      {"ipc", options.ipc()}};
  for (const auto& [field, mode] : others) {
    if (mode != v1::NODE) continue;
    return Invalid(field,
                   "is NODE, which a pod with a user namespace cannot have");
  }
  return absl::OkStatus();
}

runtime::ns::IdMaps ToIdMaps(const IdMappings& uids, const IdMappings& gids) {
  return {ToIdMap(uids), ToIdMap(gids)};
}

runtime::ns::IdMaps IdMapsOf(const v1::NamespaceOption& options) {
  const v1::UserNamespace& user = options.userns_options();
  if (!options.has_userns_options() || user.mode() != v1::POD) return {};
  return ToIdMaps(user.uids(), user.gids());
}

}  // namespace cri::sandbox
