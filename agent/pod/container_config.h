// SPDX-License-Identifier: Apache-2.0
// Pod spec, image and volumes → ContainerConfig of one attempt. Writes the
// files that are bind-mounted (hosts, termination log) below the pod's
// directory; may block on the object source.
#ifndef CORACLE_AGENT_POD_CONTAINER_CONFIG_H_
#define CORACLE_AGENT_POD_CONTAINER_CONFIG_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "agent/pod/engine.h"
#include "agent/status/spec.h"
#include "proto/cri/v1/api.pb.h"

namespace agent::pod {

using runtime::Json;
namespace v1 = ::runtime::v1;

struct ContainerPlan {
  const EngineOptions* options = nullptr;
  object::Source* objects = nullptr;
  volume::Manager* volumes = nullptr;
  int64_t memory_capacity = 0;

  const Json* pod = nullptr;
  status::ContainerSpec spec;
  v1::Image image;
  env::PodAddresses addresses;
  volume::HostPaths host_paths;
  std::map<std::string, v1::Image> volume_images;  // by the volume's name
  uint32_t attempt = 0;
  std::string target_id;  // of an ephemeral container
  // Last words (WordsOf in container_files.h) of containers that have not
  // ended.
  std::set<std::string> held_words;
};

// UNAVAILABLE and PERMISSION_DENIED are passing, anything else is a
// CreateContainerConfigError with the message as it is.
absl::StatusOr<v1::ContainerConfig> BuildContainerConfig(
    const ContainerPlan& plan);

// Where the log of an attempt is, relative to the pod's log directory.
std::string LogPath(const std::string& container, uint32_t attempt);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_CONTAINER_CONFIG_H_
