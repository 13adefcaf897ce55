// SPDX-License-Identifier: Apache-2.0
// The forwarding settings of the daemon's own network namespace.
#ifndef CORACLE_CRI_NETWORK_SYSCTL_H_
#define CORACLE_CRI_NETWORK_SYSCTL_H_

#include <string>

#include "absl/status/status.h"

namespace cri::network {

// What a node needs to route between pods and world: forwarding on, and for
// `bridge` loose reverse path checks, services of the node on 127.0.0.1, and
// bridged packets shown to netfilter where br_netfilter is loaded. Values that
// are right already are not written, so a read-only /proc/sys will do.
absl::Status EnableForwarding(const std::string& bridge);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_SYSCTL_H_
