// SPDX-License-Identifier: Apache-2.0
// What a node, a pod or a container uses, and what is pulled, whoever measured
// it.
#ifndef CORACLE_AGENT_SERVER_USAGE_H_
#define CORACLE_AGENT_SERVER_USAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace agent::server {

struct Usage {
  absl::Time at;
  uint64_t cpu_ns = 0;             // since the start
  uint64_t working_set_bytes = 0;  // memory that is not easy to get back
  std::optional<uint64_t> swap_bytes;
};

struct ContainerUsage {
  std::string id;
  Usage usage;
};

struct PodUsage {
  std::string uid;
  uint32_t attempt = 0;  // of its sandbox
  Usage usage;
  std::vector<ContainerUsage> containers;
};

// An image that is being pulled; each is told once.
struct ImagePull {
  std::string image;
  uint64_t bytes = 0, bytes_done = 0;  // of its layers; 0 until it is known
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_USAGE_H_
