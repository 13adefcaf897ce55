// SPDX-License-Identifier: Apache-2.0
// Links, addresses and routes by rtnetlink: exactly what the bridge network
// needs of them. All functions work in the namespace of the given socket.
#ifndef CORACLE_CRI_NETWORK_LINK_H_
#define CORACLE_CRI_NETWORK_LINK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cidr.h"
#include "cri/network/netlink.h"

namespace cri::network {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;  // "bridge", "veth", "" for hardware
  uint32_t mtu = 0;
  int master = 0;      // index of the bridge it is a port of
  int peer_index = 0;  // veth: index of the other end, in its namespace
  std::vector<uint8_t> mac;
  uint32_t flags = 0;        // IFF_UP, …
  uint8_t oper_state = 0;    // IF_OPER_UP, …
  uint32_t promiscuity = 0;  // how many want it promiscuous
};

absl::StatusOr<std::optional<Link>> FindLink(Socket& rtnl,
                                             const std::string& name);
absl::StatusOr<std::vector<Link>> ListLinks(Socket& rtnl);
// OK if there is none.
absl::Status DeleteLink(Socket& rtnl, const std::string& name);

// Makes the bridge or corrects it: up, link address, MTU. Its index.
// FAILED_PRECONDITION if the name belongs to something that is no bridge.
absl::StatusOr<int> EnsureBridge(Socket& rtnl, const std::string& name,
                                 const std::array<uint8_t, 6>& mac,
                                 uint32_t mtu);
// The gateways of `cidrs` become its only addresses but for link-local ones.
absl::Status SetBridgeAddresses(Socket& rtnl, const std::string& name,
                                int index, const std::vector<Cidr>& cidrs);

// MTU of the link behind the default route, IPv4's if there are two; 1500
// without one.
absl::StatusOr<uint32_t> DefaultRouteMtu(Socket& rtnl);

// One veth pair.
struct Veth {
  std::string host_name;  // of the end that becomes a port of the bridge
  int bridge_index = 0;
  uint32_t mtu = 0;
  int netns_fd = -1;  // where `eth0` is made
  std::array<uint8_t, 6> mac{};
  bool node_has_ipv6 = false;
};
// Both ends at once. The node's is up, sends back what a pod sends to itself
// through a translated address (hairpin), and gets no address of its own.
// ALREADY_EXISTS if either name is taken, NOT_FOUND if the bridge is gone.
absl::Status AddVeth(Socket& rtnl, const Veth& veth);

// Makes `port` a port of the bridge.
absl::Status SetMaster(Socket& rtnl, const Link& port, int bridge_index);

// Inside a pod: `lo` up.
absl::Status LoopbackUp(Socket& pod);
struct PodAddress {
  Ip ip;
  Cidr cidr;  // that it is from
};
// Inside a pod: `lo` up, addresses and default routes on `eth0`, usable at
// once: duplicates are looked for by nobody, the pool gives none. Without an
// IPv6 address the link has no link-local one either, whose announcement the
// bridge would bring to every pod. Can be repeated.
absl::Status ConfigurePod(Socket& pod, const std::vector<PodAddress>& addresses,
                          const std::array<uint8_t, 6>& mac,
                          bool node_has_ipv6);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_LINK_H_
