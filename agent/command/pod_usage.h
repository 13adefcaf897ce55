// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_COMMAND_POD_USAGE_H_
#define CORACLE_AGENT_COMMAND_POD_USAGE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "agent/cri/client.h"
#include "agent/server/usage.h"

namespace agent::command {

// What the CRI says of all pods. Blocks.
absl::StatusOr<std::vector<server::PodUsage>> ReadPodUsage(cri::Client& client);

// The pulls under way; UNIMPLEMENTED if the runtime does not tell. Blocks.
absl::StatusOr<std::vector<server::ImagePull>> ReadPulls(cri::Client& client);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_POD_USAGE_H_
