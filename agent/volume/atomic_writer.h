// SPDX-License-Identifier: Apache-2.0
// Writes the files of a volume so that a reader sees all of the old or all of
// the new ones, never a mixture (README.md has the layout).
#ifndef CORACLE_AGENT_VOLUME_ATOMIC_WRITER_H_
#define CORACLE_AGENT_VOLUME_ATOMIC_WRITER_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/volume/ownership.h"

namespace agent::volume {

struct ProjectedFile {
  std::string data;
  mode_t mode = 0644;
  std::optional<uid_t> user;
};

// Path below the volume → file.
using Payload = std::map<std::string, ProjectedFile>;

// INVALID_ARGUMENT if a path is absolute, has a ".." or could not be told from
// the writer's own names.
absl::Status CheckPayload(const Payload& payload);

// Makes `directory` hold exactly `payload`. True if anything was changed. A
// crash at any point leaves the old files or the new; the next call tidies up.
// The directory must be writable by this process alone.
absl::StatusOr<bool> WritePayload(const std::string& directory,
                                  const Payload& payload,
                                  const Ownership& ownership);

// True if `directory` holds a complete payload.
bool HasPayload(const std::string& directory);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_ATOMIC_WRITER_H_
