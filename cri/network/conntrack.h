// SPDX-License-Identifier: Apache-2.0
// Connections that the kernel tracks and that a change of host ports makes
// wrong. TCP ends such by itself; one of UDP or SCTP lives as long as its
// client sends from the same port, be it to open an association anew, and goes
// on to where it went first.
#ifndef CORACLE_CRI_NETWORK_CONNTRACK_H_
#define CORACLE_CRI_NETWORK_CONNTRACK_H_

#include <vector>

#include "absl/status/status.h"
#include "cri/network/nat.h"

namespace cri::network {

// Forgets UDP and SCTP connections to the forwards' ports of the node that lead
// to anything but the forwards' pods: call when forwards were added. Reads all
// tracked connections, but only if a forward is of UDP or SCTP.
absl::Status ForgetConnectionsElsewhere(const std::vector<Forward>& forwards);

// Forgets those that lead to the forwards' pods: when they were removed.
absl::Status ForgetConnectionsTo(const std::vector<Forward>& forwards);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_CONNTRACK_H_
