// SPDX-License-Identifier: Apache-2.0
// With route_localnet, which host ports on 127.0.0.1 need, the kernel takes
// packets for 127.0.0.0/8 from a pod as well (CVE-2020-8558), and such as claim
// to come from there. The guard drops both kinds unless they come by `lo`.
#ifndef CORACLE_CRI_NETWORK_LOOPBACK_GUARD_H_
#define CORACLE_CRI_NETWORK_LOOPBACK_GUARD_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/netlink.h"
#include "cri/network/nftables.h"

namespace cri::network {

// The chain "guard" in the batch's table, instead of what is in it.
void AddLoopbackGuard(nft::Batch& batch);

// The guard in a table of its own, inet coracle-cni-localnet-guard, for rules
// of host ports that others make. Thread safe. Works in the network namespace
// of the thread that calls first.
class LoopbackGuard {
 public:
  // Makes or corrects the table; can be repeated.
  absl::Status Install() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  // Stays open: nat.h says why.
  std::optional<Socket> socket_ ABSL_GUARDED_BY(mutex_);
};

// OK if there is no such table.
absl::Status RemoveLoopbackGuard();

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_LOOPBACK_GUARD_H_
