// SPDX-License-Identifier: Apache-2.0
// Manager puts a pod's volumes below <kubelet dir>/pods/<uid>/volumes and takes
// them away. emptyDir, hostPath, configMap, secret, downwardAPI, projected; an
// image is left to the container runtime.
// Thread safe; calls for one pod come from that pod's worker only.
#ifndef CORACLE_AGENT_VOLUME_MANAGER_H_
#define CORACLE_AGENT_VOLUME_MANAGER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/object/source.h"
#include "runtime/base/json.h"

namespace agent::volume {

using runtime::Json;

// Facts of the node that downwardAPI and sizes need.
struct NodeFacts {
  std::string name;
  std::vector<std::string> host_ips;
  Json allocatable;  // {"cpu":"2","memory":"…Ki",…}
};

struct Options {
  std::string kubelet_dir;  // "/var/lib/kubelet"
  object::Source* objects = nullptr;
  NodeFacts node;
};

// Volume name → absolute host path that a container mounts from.
using HostPaths = std::map<std::string, std::string>;

// One mount of one container, resolved: subPath and subPathExpr are opened
// inside the volume without following symlinks out of it.
struct ContainerMount {
  std::string container_path, host_path;
  bool read_only = false;
  bool recursive_read_only = false;
  std::string propagation;  // "", "HostToContainer", "Bidirectional"
  // Of an image volume, whose content the runtime has: the volume's name and
  // the part of it; there is no host_path.
  std::string image_volume, image_sub_path;
};

class Manager {
 public:
  virtual ~Manager() = default;

  // Makes or refreshes all volumes of `pod` (an API object). Idempotent, the
  // sync loop calls it again and again: changed objects are written atomically.
  // An error names volume and reason and is retried by the caller
  // (FailedMount).
  virtual absl::StatusOr<HostPaths> Mount(const Json& pod) = 0;
  // The volumeMounts of one container, with `env` for subPathExpr.
  virtual absl::StatusOr<std::vector<ContainerMount>> ContainerMounts(
      const Json& pod, const Json& container, const HostPaths& paths,
      const std::map<std::string, std::string>& env) = 0;
  // The directory pods/<uid>/containers, a tmpfs of a few MiB for the files
  // that the pod's containers write to: it bounds them, and their container
  // pays for them. Made at the first call.
  virtual absl::StatusOr<std::string> ContainerFiles(
      const std::string& pod_uid) = 0;
  // Unmounts and removes everything of the pod below pods/<uid>. Unknown: OK.
  virtual absl::Status Unmount(const std::string& pod_uid) = 0;
  // UIDs that have a directory below pods/.
  virtual std::vector<std::string> Existing() = 0;
};

std::unique_ptr<Manager> MakeManager(const Options& options);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_MANAGER_H_
