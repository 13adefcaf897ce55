// SPDX-License-Identifier: Apache-2.0
// Engine runs the pods of this node: sources feed it the desired set, it drives
// the CRI, keeps each pod's status and writes it back. One serial worker per
// pod UID (README.md of this room has the state machine).
#ifndef CORACLE_AGENT_POD_ENGINE_H_
#define CORACLE_AGENT_POD_ENGINE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/env/env.h"
#include "agent/object/source.h"
#include "agent/pod/log_rotation.h"
#include "agent/server/pods.h"
#include "agent/volume/manager.h"
#include "runtime/base/json.h"

namespace grpc {
class ChannelInterface;
}

namespace agent::pod {

struct EngineOptions {
  std::string node_name;
  std::string kubelet_dir;         // <root-dir>/var/lib/kubelet
  std::string pod_logs_dir;        // <root-dir>/var/log/pods
  std::string container_logs_dir;  // <root-dir>/var/log/containers
  std::string static_pod_dir;      // "" = none
  std::string cgroup_root = "/";   // kubepods goes below it; "" = no cgroups
  bool systemd_cgroups = false;    // slices; else directories
  volume::NodeFacts node;
  env::DnsOptions dns;
  int max_pods = 110;
  absl::Duration max_restart_backoff = absl::Seconds(300);
  int max_parallel_pulls = 16;
  // When an event tells how far a pull is.
  absl::Duration first_pull_report = absl::Seconds(30);
  absl::Duration sync_frequency = absl::Minutes(1);  // a look at each pod
  bool seccomp_default = false;  // RuntimeDefault for who asks for nothing
  // Names and prefixes ("net.*") beside those that are always safe.
  std::vector<std::string> allowed_unsafe_sysctls;
  int64_t pod_pids_limit = -1;  // below 1: none
  bool cpu_cfs_quota = true;    // enforce CPU limits
  LogLimits log_limits;
};

// What the node status needs from the engine.
struct RuntimeCondition {
  bool runtime_ready = false;
  bool network_ready = false;
  bool user_namespaces = false;
  std::string message;  // why not, in kubelet's words
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Adopts what runs already, starts sources and workers. Returns once the CRI
  // has answered and the first relist is done. `client` is null on a
  // standalone node.
  virtual absl::Status Start() = 0;
  // Stops sources and workers; pods keep running.
  virtual void Stop() = 0;
  virtual server::Pods& pods() = 0;
  // Pods that wait for something: {uid, waits: [{text, seconds}]}, `seconds`
  // being the time until they are tried again, if a timer decides.
  virtual runtime::Json Waits() = 0;
  // Latest CRI Status, refreshed every 5 s. `on_change` is called at once when
  // it flips.
  virtual RuntimeCondition Condition() = 0;
  virtual void SetConditionListener(std::function<void()> on_change) = 0;
  // Hands the node's pod CIDR to the runtime (CRI UpdateRuntimeConfig); the
  // node calls it when the API server has given one. Blocks.
  virtual absl::Status SetPodCidr(const std::string& cidr) = 0;
};

// `cri` speaks runtime.v1 (ours in process, or any CRI socket). All pointers
// outlive the engine; `client` may be null. Its work runs on threads of its
// own, which have ended when Stop returns.
std::unique_ptr<Engine> MakeEngine(const EngineOptions& options,
                                   std::shared_ptr<grpc::ChannelInterface> cri,
                                   api::Client* client, object::Source* objects,
                                   volume::Manager* volumes);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_ENGINE_H_
