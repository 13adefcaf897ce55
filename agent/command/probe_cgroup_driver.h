// SPDX-License-Identifier: Apache-2.0
// Does the configured cgroup driver fit the host's process 1?
#ifndef CORACLE_AGENT_COMMAND_PROBE_CGROUP_DRIVER_H_
#define CORACLE_AGENT_COMMAND_PROBE_CGROUP_DRIVER_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "agent/command/probes.h"
#include "cri/config/config.h"

namespace agent::command {

// Asks systemd, if it is the driver; a few seconds if it does not answer.
std::vector<Finding> ProbeCgroupDriver(const ::cri::config::Config& config);

// `booted`: systemd is process 1 of this host (sd_booted(3)). `reach` asks it.
Finding CgroupDriverFinding(const ::cri::config::Config& config, bool booted,
                            const std::function<absl::Status()>& reach);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_CGROUP_DRIVER_H_
