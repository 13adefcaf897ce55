// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pod_link.h"

#include <linux/netlink.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/netlink.h"
#include "cri/network/sysctl.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

absl::Status Join(const Veth& veth, Socket& pod) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  const absl::Status added = AddVeth(rtnl, veth);
  if (!absl::IsAlreadyExists(added)) return added;
  ASSIGN_OR_RETURN(const std::optional<Link> host,
                   FindLink(rtnl, veth.host_name));
  ASSIGN_OR_RETURN(const std::optional<Link> inside, FindLink(pod, "eth0"));
  if (host.has_value() && inside.has_value() && inside->kind == "veth" &&
      inside->peer_index == host->index && host->peer_index == inside->index &&
      host->master == veth.bridge_index) {
    return absl::OkStatus();
  }
  if (inside.has_value()) {
    return absl::FailedPreconditionError(
        "the pod's namespace has a link eth0 that is not ours");
  }
  if (host.has_value() && host->master != 0 &&
      host->master != veth.bridge_index) {
    return absl::FailedPreconditionError(
        absl::StrCat("link ", veth.host_name, " belongs to another bridge"));
  }
  RETURN_IF_ERROR(DeleteLink(rtnl, veth.host_name));
  return AddVeth(rtnl, veth);
}

absl::Status Limit(Socket& rtnl, const std::string& name,
                   uint64_t bits_per_second) {
  ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(rtnl, name));
  if (!link.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("link ", name, " vanished while it was set up"));
  }
  return LimitLink(rtnl, *link, bits_per_second);
}

}  // namespace

absl::Status ConnectPod(const PodLink& link) {
  const bool ipv6 = std::any_of(
      link.addresses.begin(), link.addresses.end(),
      [](const PodAddress& at) { return at.ip.family == Family::kV6; });
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(link.netns_fd, NETLINK_ROUTE,
                                              [&] { PreparePod(ipv6); }));
  const Veth veth{link.host_name,
                  link.bridge_index,
                  link.mtu,
                  link.netns_fd,
                  MacOf(link.addresses.front().ip),
                  link.node_has_ipv6};
  RETURN_IF_ERROR(Join(veth, pod));
  RETURN_IF_ERROR(
      ConfigurePod(pod, link.addresses, veth.mac, link.node_has_ipv6));
  if (link.bandwidth.ingress != 0) {
    ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
    RETURN_IF_ERROR(Limit(node, link.host_name, link.bandwidth.ingress));
  }
  if (link.bandwidth.egress != 0) {
    RETURN_IF_ERROR(Limit(pod, "eth0", link.bandwidth.egress));
  }
  return absl::OkStatus();
}

}  // namespace cri::network
