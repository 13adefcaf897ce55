// SPDX-License-Identifier: Apache-2.0
// What `coracle check` looks at besides the host itself: whether the CRI
// server's configuration fits it.
#ifndef CORACLE_AGENT_COMMAND_PROBE_CONFIG_H_
#define CORACLE_AGENT_COMMAND_PROBE_CONFIG_H_

#include <vector>

#include "agent/command/probes.h"
#include "cri/config/config.h"

namespace agent::command {

// Disk and filesystem of `root`, the launcher.
std::vector<Finding> ProbeStorage(const ::cri::config::Config& config);

// User namespaces, ID-mapped and recursively read-only mounts, tried out where
// containers' files are to be.
std::vector<Finding> ProbeMounts(const ::cri::config::Config& config);

// The first CNI configuration and its programs, if CNI is configured.
std::vector<Finding> ProbeCni(const ::cri::config::Config& config);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_CONFIG_H_
