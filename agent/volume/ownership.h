// SPDX-License-Identifier: Apache-2.0
// Who owns what is in a volume: the pod's fsGroup and, for tokens, the one user
// that all of its containers run as.
#ifndef CORACLE_AGENT_VOLUME_OWNERSHIP_H_
#define CORACLE_AGENT_VOLUME_OWNERSHIP_H_

#include <sys/types.h>

#include <optional>

#include "runtime/base/json.h"

namespace agent::volume {

using runtime::Json;

struct Ownership {
  std::optional<gid_t> group;  // spec.securityContext.fsGroup
  std::optional<uid_t> user;   // runAsUser, if the same in every container

  // Modes of what the group is to use: files readable, directories entered and
  // handing their group down.
  mode_t File(mode_t mode) const { return group ? mode | 0440 : mode; }
  mode_t Directory(mode_t mode) const { return group ? mode | 02110 : mode; }
  gid_t gid() const { return group.value_or(static_cast<gid_t>(-1)); }
};

Ownership OwnershipOf(const Json& pod);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_OWNERSHIP_H_
