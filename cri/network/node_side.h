// SPDX-License-Identifier: Apache-2.0
// What the built-in network has on the node beside the pods' own links: bridge,
// settings, nftables table; and the names of all of it. Functions block, and
// see the network namespace of the calling thread. Thread safe, but one set-up
// at a time.
#ifndef CORACLE_CRI_NETWORK_NODE_SIDE_H_
#define CORACLE_CRI_NETWORK_NODE_SIDE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/network/cidr.h"
#include "cri/network/host_ports.h"
#include "cri/network/network.h"

namespace cri::network {

// Where leases and the pod CIDR are kept.
std::string RoomDir(const NetworkOptions& options);
// The nftables table, of family inet.
std::string TableName(const NetworkOptions& options);
// The node's end of a pod's veth pair: the same name whenever it is asked for.
std::string VethName(absl::string_view sandbox_id);
// INVALID_ARGUMENT for what can be no name of a link.
absl::Status CheckBridgeName(const std::string& name);

// What is set up, as far as pods are connected to it.
struct NodeSide {
  std::vector<Cidr> cidrs;
  int bridge_index = 0;
  uint32_t mtu = 0;
  bool has_ipv6 = false;
};

// Makes or corrects it for these ranges, the first of which is the primary one.
// Links of `sandboxes` that have lost their bridge are put on it. `ports` gets
// the table.
absl::StatusOr<NodeSide> SetUpNode(const NetworkOptions& options,
                                   const std::vector<Cidr>& cidrs,
                                   const std::vector<std::string>& sandboxes,
                                   HostPorts& ports);

// Whether connecting a pod to `node` failed because somebody removed what all
// pods need.
bool IsGone(const NetworkOptions& options, const NodeSide& node,
            const absl::Status& failure);

// Links of pods on the bridge that belong to none of `sandboxes`; nothing if
// the bridge cannot be looked at.
std::vector<std::string> StrayLinks(const NetworkOptions& options,
                                    const std::vector<std::string>& sandboxes);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_NODE_SIDE_H_
