// SPDX-License-Identifier: Apache-2.0
// What the kubelet HTTPS server needs to know of the pods on this node; the pod
// engine implements it. Thread safe.
#ifndef CORACLE_AGENT_SERVER_PODS_H_
#define CORACLE_AGENT_SERVER_PODS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/json.h"

namespace agent::server {

// Where a container's log is and whether it still grows.
struct LogLocation {
  std::string path;  // absolute, below the pod log root
  bool running = false;
  std::string container_id;
};

class Pods {
 public:
  virtual ~Pods() = default;

  // API objects with their current status (GET /pods).
  virtual std::vector<runtime::Json> List() = 0;
  // NOT_FOUND: no such pod or container (404). FAILED_PRECONDITION: no log yet,
  // with kubelet's text ("container \"c\" in pod \"p\" is waiting to start: …",
  // "previous terminated container … not found"), answered as 400.
  virtual absl::StatusOr<LogLocation> ContainerLog(const std::string& ns,
                                                   const std::string& pod,
                                                   const std::string& container,
                                                   bool previous) = 0;
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_PODS_H_
