// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/gateway.h"

#include <linux/if.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/kernel.h"
#include "cri/network/cni/plugin/pod_link.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

absl::Status EnsureAddress(Socket& node, const Link& link, const IpNet& want,
                           bool force) {
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses,
                   AddressesOf(node, link));
  for (const LinkAddress& address : addresses) {
    const IpNet& has = address.net;
    if (has.ip.v6() != want.ip.v6()) continue;
    if (has == want) return absl::OkStatus();
    // One IPv4 address, and as many IPv6 ones as there are networks.
    if (want.ip.v6() && !has.Contains(want.ip) && !want.Contains(has.ip)) {
      continue;
    }
    if (!force) {
      return absl::FailedPreconditionError(
          absl::StrCat(link.name, " has address ", has.ToString(),
                       " already, different from ", want.ToString(),
                       " (forceAddress would replace it)"));
    }
    RETURN_IF_ERROR(RemoveAddress(node, link, has));
  }
  const absl::Status added = AddAddress(node, link, want);
  if (!added.ok() && !absl::IsAlreadyExists(added)) return added;
  // Its link address becomes its own: otherwise it is that of a port and
  // changes as pods come and go.
  ASSIGN_OR_RETURN(const Link now, GetLink(node, link.name));
  return SetMac(node, now);
}

// The other end of the link becomes a port in the VLAN.
absl::Status JoinVlan(Socket& node, const Link& bridge, const Link& link,
                      uint16_t vlan) {
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(node));
  for (const Link& port : links) {
    if (port.kind != "veth" || port.index != link.peer_index ||
        port.peer_index != link.index) {
      continue;
    }
    RETURN_IF_ERROR(SetUp(node, port, true));
    // As for the ports of pods.
    SetSysctl(absl::StrCat("ipv6/conf/", port.name, "/accept_ra"), "0")
        .IgnoreError();
    RETURN_IF_ERROR(SetMaster(node, port, bridge.index));
    RETURN_IF_ERROR(SetHairpin(node, port, false));
    RETURN_IF_ERROR(SetPortVlan(node, port, vlan));
  }
  return absl::OkStatus();
}

// One that is there is used as it is, whoever made it; only a veth that is down
// may be what an interrupted call left.
absl::StatusOr<Link> EnsureVlanLink(Socket& node, const Link& bridge,
                                    uint16_t vlan) {
  const std::string name = absl::StrCat(bridge.name, ".", vlan);
  const absl::Status added = AddPodVeth(node, name, bridge.mtu, {}).status();
  if (!added.ok() && !absl::IsAlreadyExists(added)) return added;
  ASSIGN_OR_RETURN(const Link link, GetLink(node, name));
  if (link.kind == "veth" && (link.flags & IFF_UP) == 0) {
    RETURN_IF_ERROR(JoinVlan(node, bridge, link, vlan));
    RETURN_IF_ERROR(SetUp(node, link, true));  // last: it is whole
  }
  return link;
}

}  // namespace

absl::Status BecomeGateway(Socket& node, const Link& bridge,
                           const Gateway& gateway, Result& result) {
  Link link = bridge;
  if (gateway.vlan != 0) {
    ASSIGN_OR_RETURN(link, EnsureVlanLink(node, bridge, gateway.vlan));
    Interface own;
    own.name = link.name;
    own.mac = MacText(link);
    result.interfaces.push_back(own);
  }
  for (const bool v6 : {false, true}) {
    for (const IpConfig& ip : result.ips) {
      if (ip.address.ip.v6() != v6) continue;
      RETURN_IF_ERROR(EnsureAddress(
          node, link, {*ip.gateway, ip.address.prefix}, gateway.force_address));
    }
  }
  return EnableForwardingFor(result.ips);
}

}  // namespace cri::network::cni
