// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_VOLUME_EMPTY_DIR_H_
#define CORACLE_AGENT_VOLUME_EMPTY_DIR_H_

#include <string>

#include "absl/status/status.h"
#include "agent/volume/manager.h"
#include "agent/volume/ownership.h"

namespace agent::volume {

// Makes the emptyDir `source` at `path` once; a container's own changes to an
// existing one are left alone.
absl::Status MakeEmptyDir(const Json& pod, const Json& source,
                          const std::string& path, const Ownership& ownership,
                          const NodeFacts& node);

// Mounts a small tmpfs at `path` for files that must never reach a disk.
absl::Status MakeMemoryDirectory(const std::string& path,
                                 const Ownership& ownership);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_EMPTY_DIR_H_
