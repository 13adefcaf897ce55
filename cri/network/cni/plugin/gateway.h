// SPDX-License-Identifier: Apache-2.0
// The pods' gateway on a bridge of the node: the bridge itself, or a veth pair
// into the pods' VLAN.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_GATEWAY_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_GATEWAY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "cri/network/cni/spec/result.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"

namespace cri::network::cni {

struct Gateway {
  uint16_t vlan = 0;           // 0: none
  bool force_address = false;  // in place of another one
};

// Puts the result's gateways on the bridge, or with a VLAN on the link
// "<bridge>.<vlan>", which is made if it is missing and is then in the result
// too. Forwarding is on.
absl::Status BecomeGateway(Socket& node, const Link& bridge,
                           const Gateway& gateway, Result& result);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_GATEWAY_H_
