// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_VOLUME_CONTAINER_MOUNTS_H_
#define CORACLE_AGENT_VOLUME_CONTAINER_MOUNTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/volume/manager.h"

namespace agent::volume {

// Manager::ContainerMounts for the pod whose files are in `pod_directory`.
absl::StatusOr<std::vector<ContainerMount>> ResolveMounts(
    const Json& pod, const Json& container, const HostPaths& paths,
    const std::map<std::string, std::string>& env,
    const std::string& pod_directory);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_CONTAINER_MOUNTS_H_
