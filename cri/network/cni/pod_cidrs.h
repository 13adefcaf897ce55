// SPDX-License-Identifier: Apache-2.0
// The pod CIDRs of the node, for plugins with the capability ipRanges: the
// configured ones, else those last told, as pods can start before anybody tells
// them again. They are kept in <state_dir>/network/pod_cidr.
#ifndef CORACLE_CRI_NETWORK_CNI_POD_CIDRS_H_
#define CORACLE_CRI_NETWORK_CNI_POD_CIDRS_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace cri::network::cni {

// Thread safe.
class PodCidrs {
 public:
  // What cannot be read is logged. `configured` may be empty.
  PodCidrs(const std::string& state_dir, const std::string& configured);

  // "10.244.1.0/24,fd00:1::/64". INVALID_ARGUMENT if it is none. They are in
  // force once they are on disk.
  absl::Status Set(const std::string& text)
      ABSL_LOCKS_EXCLUDED(setting_, mutex_);
  std::vector<std::string> Get() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string dir_;
  absl::Mutex setting_;  // one at a time; before mutex_
  mutable absl::Mutex mutex_;
  std::vector<std::string> cidrs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_POD_CIDRS_H_
