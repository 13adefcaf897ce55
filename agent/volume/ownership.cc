// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/ownership.h"

#include "absl/strings/string_view.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;

// Ids are 32 bits; -1 would mean "leave it" to chown.
std::optional<uint32_t> Id(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  int64_t id = value.get<int64_t>();
  if (id < 0 || id >= 0xffffffff) return std::nullopt;
  return static_cast<uint32_t>(id);
}

std::optional<uid_t> CommonUser(const Json& spec) {
  std::optional<uid_t> pod_user =
      Id(At(spec, {"securityContext", "runAsUser"}));
  std::optional<uid_t> common;
  for (absl::string_view list :
       {"containers", "initContainers", "ephemeralContainers"}) {
    for (const Json& container : ArrayAt(spec, list)) {
      std::optional<uid_t> user =
          Id(At(container, {"securityContext", "runAsUser"}));
      if (!user) user = pod_user;
      if (!user || (common && *common != *user)) return std::nullopt;
      common = user;
    }
  }
  return common;
}

}  // namespace

Ownership OwnershipOf(const Json& pod) {
  const Json& spec = At(pod, "spec");
  return {Id(At(spec, {"securityContext", "fsGroup"})), CommonUser(spec)};
}

}  // namespace agent::volume
