// SPDX-License-Identifier: Apache-2.0
// Are the OCI runtimes there that the configuration names as handlers?
#ifndef CORACLE_AGENT_COMMAND_PROBE_HANDLERS_H_
#define CORACLE_AGENT_COMMAND_PROBE_HANDLERS_H_

#include <vector>

#include "agent/command/probes.h"
#include "cri/config/config.h"

namespace agent::command {

// Nothing if the configuration names none.
std::vector<Finding> ProbeHandlers(const ::cri::config::Config& config);

// `both_cgroups`: controllers of this host are of version 1 and 2.
std::vector<Finding> HandlerFindings(const ::cri::config::Config& config,
                                     bool both_cgroups);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_HANDLERS_H_
