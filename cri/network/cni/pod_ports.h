// SPDX-License-Identifier: Apache-2.0
// Host ports of pods, as far as they are the runtime's business: plugins with
// the capability portMappings make the rules, and ask nobody.
#ifndef CORACLE_CRI_NETWORK_CNI_POD_PORTS_H_
#define CORACLE_CRI_NETWORK_CNI_POD_PORTS_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cni/port_claims.h"
#include "cri/network/cni/spec/conf.h"
#include "cri/network/loopback_guard.h"
#include "cri/network/pod_network.h"

namespace cri::network::cni {

// Whether a plugin of the list is told of host ports. Without one they are left
// to others.
bool MapsPorts(const NetworkConf& conf);

// Thread safe. Works in the network namespace of the thread that calls first.
class PodPorts {
 public:
  // A list is in force. If it maps ports, the node's loopback gets its guard,
  // also on behalf of pods that are there already; a failure is logged.
  void Begin(const NetworkConf& conf) ABSL_LOCKS_EXCLUDED(mutex_);
  // What the node does not do for pods that want host ports, in words, or "". A
  // guard that failed is tried again.
  std::string Lacks() ABSL_LOCKS_EXCLUDED(mutex_);
  // Before the ADD: takes the pod's ports, instead of those that its sandbox
  // had before, if the list maps any; if not, the log says so. Errors are those
  // of CheckListeners, of PortClaims::Hold and of LoopbackGuard. The pod CIDRs
  // are those that plugins are told.
  absl::Status Take(const NetworkConf& conf,
                    const std::vector<std::string>& pod_cidrs,
                    const PodNetwork& pod) ABSL_LOCKS_EXCLUDED(mutex_);
  // After the DEL.
  void Free(const std::string& sandbox_id);
  // After a restart: these have ports.
  void Restore(const std::vector<PodNetwork>& pods);

 private:
  absl::Status Guard() ABSL_LOCKS_EXCLUDED(mutex_);

  LoopbackGuard guard_;
  PortClaims claims_;
  absl::Mutex mutex_;
  absl::Status guarded_ ABSL_GUARDED_BY(mutex_);  // OK: if it is needed at all
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_POD_PORTS_H_
