// SPDX-License-Identifier: Apache-2.0
// What the in-process plugins ask of the kernel for links, addresses and routes
// of both families, by rtnetlink, in the way of the plugin programs: the same
// flags, scopes and protocols. All work in the namespace of the socket.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_KERNEL_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_KERNEL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// The namespace at `path`. NOT_FOUND names it.
absl::StatusOr<runtime::UniqueFd> OpenNetns(const std::string& path);
// Runs `body` on a thread inside.
absl::Status InNetns(int netns_fd, const std::function<absl::Status()>& body);
// A setting below /proc/sys/net of the calling thread's namespace. Nothing is
// written if it has the value.
absl::Status SetSysctl(const std::string& name, const std::string& value);

// The link; NOT_FOUND with its name if there is none.
absl::StatusOr<Link> GetLink(Socket& rtnl, const std::string& name);
std::string MacText(const Link& link);

// A veth pair: `name` in the pod, the other end, with a random name that is
// returned, on the calling thread's node. `mtu` 0 and an empty `mac` are the
// kernel's choice. ALREADY_EXISTS if the pod has a link of that name.
absl::StatusOr<std::string> AddPodVeth(Socket& pod, const std::string& name,
                                       uint32_t mtu,
                                       const std::vector<uint8_t>& mac);

// OK if there is a link of that name. With `vlans` the bridge keeps VLANs
// apart.
absl::Status AddBridge(Socket& node, const std::string& name, uint32_t mtu,
                       bool vlans);
absl::Status SetUp(Socket& rtnl, const Link& link, bool up);
absl::Status SetHairpin(Socket& rtnl, const Link& port, bool on);
// What comes in without a tag is of that VLAN, and what is of it goes out
// without one.
absl::Status SetPortVlan(Socket& rtnl, const Link& port, uint16_t vlan);
absl::Status SetPromiscuous(Socket& rtnl, const Link& link);
absl::Status SetMac(Socket& rtnl, const Link& link);  // to what it has

struct LinkAddress {
  IpNet net;
  uint32_t flags = 0;  // IFA_F_TENTATIVE, …
};
absl::StatusOr<std::vector<LinkAddress>> AddressesOf(Socket& rtnl,
                                                     const Link& link);
absl::Status AddAddress(Socket& rtnl, const Link& link, const IpNet& net);
absl::Status RemoveAddress(Socket& rtnl, const Link& link, const IpNet& net);
// Waits until no IPv6 address of the link is tentative any more.
// DEADLINE_EXCEEDED, FAILED_PRECONDITION if one is taken by somebody else.
absl::Status SettleAddresses(int netns_fd, Socket& rtnl, const Link& link,
                             absl::Time deadline);

struct LinkRoute {
  IpNet dst;
  std::optional<Ip> gateway, source;
  uint8_t scope = 0;   // RT_SCOPE_UNIVERSE
  bool joins = false;  // may stand beside others to the same destination
};
absl::Status AddRoute(Socket& rtnl, const Link& link, const LinkRoute& route);
// The kernel's own one for a network of the link.
absl::Status RemoveNetworkRoute(Socket& rtnl, const Link& link,
                                const IpNet& net);
// Whether some link has a route to `dst`, through `gateway` if given.
absl::StatusOr<bool> HasRoute(Socket& rtnl, const IpNet& dst,
                              const std::optional<Ip>& gateway);
// Index of the link that packets to `ip` leave by; 0 if there is no route.
absl::StatusOr<int> LinkToward(Socket& rtnl, const Ip& ip);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_KERNEL_H_
