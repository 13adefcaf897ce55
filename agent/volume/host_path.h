// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_VOLUME_HOST_PATH_H_
#define CORACLE_AGENT_VOLUME_HOST_PATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/json.h"

namespace agent::volume {

// Checks the hostPath `source` against its type, makes what the type says may
// be made, and returns the path. With no type a missing path becomes a
// directory.
absl::StatusOr<std::string> PrepareHostPath(const runtime::Json& source);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_HOST_PATH_H_
