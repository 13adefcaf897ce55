// SPDX-License-Identifier: Apache-2.0
// Can this host write containers to files?
#ifndef CORACLE_AGENT_COMMAND_PROBE_CHECKPOINT_H_
#define CORACLE_AGENT_COMMAND_PROBE_CHECKPOINT_H_

#include <vector>

#include "agent/command/probes.h"
#include "runtime/checkpoint/criu.h"

namespace agent::command {

// Runs criu in children of this process, so it is not for the daemon.
std::vector<Finding> ProbeCheckpoints();

// What it says of what was found out.
Finding CheckpointFinding(
    const absl::StatusOr<::runtime::checkpoint::Criu>& criu);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_CHECKPOINT_H_
