// SPDX-License-Identifier: Apache-2.0
// Which pod has which host port. portmap asks nobody: of two pods with one
// port, the second would get its rules and never a packet.
#ifndef CORACLE_CRI_NETWORK_CNI_PORT_CLAIMS_H_
#define CORACLE_CRI_NETWORK_CNI_PORT_CLAIMS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/pod_network.h"

namespace cri::network::cni {

// A claim lives from before the ADD until a DEL has succeeded. Thread safe.
// Nothing of it is on disk but what attachments and sandboxes say.
class PortClaims {
 public:
  // Takes the pod's ports, instead of those that its sandbox had before.
  // FAILED_PRECONDITION names the port and the pod that has it.
  absl::Status Hold(const PodNetwork& pod) ABSL_LOCKS_EXCLUDED(mutex_);
  void Free(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // After a restart: these have ports, each of them. What they cannot both have
  // is logged, and free once all of them are gone.
  void Restore(const std::vector<PodNetwork>& pods) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Claim {
    std::string owner;  // "namespace/name"
    std::vector<PortMapping> ports;
  };
  // FAILED_PRECONDITION as Hold says.
  absl::Status Check(const PodNetwork& pod) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Record(const PodNetwork& pod) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<std::string, Claim> claims_ ABSL_GUARDED_BY(mutex_);  // by sandbox
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PORT_CLAIMS_H_
