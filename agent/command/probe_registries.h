// SPDX-License-Identifier: Apache-2.0
// Do the registries and mirrors answer that the configuration names?
#ifndef CORACLE_AGENT_COMMAND_PROBE_REGISTRIES_H_
#define CORACLE_AGENT_COMMAND_PROBE_REGISTRIES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/command/probes.h"
#include "cri/config/config.h"

namespace agent::command {

// Each host in registry_config_dir, and `_default`: whether its hosts.toml can
// be read and one of its endpoints answers. A few seconds for one that does
// not. Asks no host that no hosts.toml names; one line says so if none does.
std::vector<Finding> ProbeRegistries(const ::cri::config::Config& config);

// The registry that a directory of registry_config_dir is for:
// "mirror.example_5000_" and "mirror.example_5000" are "mirror.example:5000".
std::string RegistryOf(absl::string_view directory);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_REGISTRIES_H_
