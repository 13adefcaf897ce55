// SPDX-License-Identifier: Apache-2.0
// Forgetting tracked connections, by nfnetlink.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_CONNTRACK_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_CONNTRACK_H_

#include <cstdint>

#include "absl/status/status.h"

namespace cri::network::cni {

// Deletes the UDP entries whose first packet went to `port` of whatever
// address. OK without connection tracking.
absl::Status ForgetUdpFlowsTo(uint16_t port, bool v6);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_CONNTRACK_H_
