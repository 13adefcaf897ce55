// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/pod_link.h"

#include <linux/netlink.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr absl::Duration kSettleTime = absl::Seconds(10);

bool HasV6(const Result& result) {
  return std::any_of(result.ips.begin(), result.ips.end(),
                     [](const IpConfig& ip) { return ip.address.ip.v6(); });
}

// Hosts that have IPv6 off by default pass that on to new namespaces.
absl::Status EnableV6(int netns, const std::string& ifname) {
  return InNetns(netns, [&]() -> absl::Status {
    for (const std::string& name : {std::string("lo"), ifname}) {
      const absl::Status set =
          SetSysctl(absl::StrCat("ipv6/conf/", name, "/disable_ipv6"), "0");
      if (!set.ok() && !absl::IsNotFound(set)) return set;
    }
    return absl::OkStatus();
  });
}

const Interface* FindPodInterface(const Call& call, const Result& result) {
  for (const Interface& interface : result.interfaces) {
    if (interface.name == call.ifname && interface.sandbox == call.netns) {
      return &interface;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Pod> Pod::Open(const std::string& path) {
  ASSIGN_OR_RETURN(runtime::UniqueFd netns, OpenNetns(path));
  ASSIGN_OR_RETURN(Socket rtnl, Socket::OpenIn(netns.get(), NETLINK_ROUTE));
  return Pod{std::move(netns), std::move(rtnl)};
}

absl::StatusOr<PodVeth> AddVethEnds(const Call& call, Pod& pod, Socket& node,
                                    uint32_t mtu,
                                    const std::vector<uint8_t>& mac) {
  ASSIGN_OR_RETURN(const std::string peer,
                   AddPodVeth(pod.rtnl, call.ifname, mtu, mac));
  ASSIGN_OR_RETURN(const Link host, GetLink(node, peer));
  RETURN_IF_ERROR(SetUp(node, host, true));
  // We want to own the routes of this link. Without IPv6 there is no setting.
  SetSysctl(absl::StrCat("ipv6/conf/", peer, "/accept_ra"), "0").IgnoreError();
  ASSIGN_OR_RETURN(const Link inside, GetLink(pod.rtnl, call.ifname));
  PodVeth veth;
  veth.host.name = peer;
  veth.host.mac = MacText(host);
  veth.pod.name = call.ifname;
  veth.pod.mac = MacText(inside);
  veth.pod.sandbox = call.netns;
  return veth;
}

absl::Status ConfigureLink(Pod& pod, const Link& link, const Result& result,
                           absl::Time deadline) {
  if (HasV6(result)) {
    RETURN_IF_ERROR(EnableV6(pod.netns.get(), link.name));
  }
  std::optional<Ip> gateway4, gateway6;
  for (const IpConfig& ip : result.ips) {
    RETURN_IF_ERROR(AddAddress(pod.rtnl, link, ip.address));
    if (!ip.gateway.has_value()) continue;
    std::optional<Ip>& first = ip.gateway->v6() ? gateway6 : gateway4;
    if (!first.has_value()) first = ip.gateway;
  }
  RETURN_IF_ERROR(SetUp(pod.rtnl, link, true));
  if (gateway6.has_value()) {
    RETURN_IF_ERROR(
        SettleAddresses(pod.netns.get(), pod.rtnl, link,
                        std::min(deadline, absl::Now() + kSettleTime)));
  }
  for (const Route& route : result.routes) {
    LinkRoute add;
    add.dst = route.dst;
    add.gateway = route.gateway.has_value() ? route.gateway
                  : route.dst.ip.v6()       ? gateway6
                                            : gateway4;
    add.joins = true;
    RETURN_IF_ERROR(AddRoute(pod.rtnl, link, add));
  }
  return absl::OkStatus();
}

absl::Status EnableForwardingFor(const std::vector<IpConfig>& ips) {
  for (const IpConfig& ip : ips) {
    RETURN_IF_ERROR(SetSysctl(
        ip.address.ip.v6() ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward",
        "1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IpNet>> DeletePodLink(const Call& call) {
  std::vector<IpNet> nets;
  if (call.netns.empty()) return nets;
  absl::StatusOr<Pod> pod = Pod::Open(call.netns);
  if (absl::IsNotFound(pod.status())) return nets;
  RETURN_IF_ERROR(pod.status());
  ASSIGN_OR_RETURN(const std::optional<Link> link,
                   FindLink(pod->rtnl, call.ifname));
  if (!link.has_value()) return nets;
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses,
                   AddressesOf(pod->rtnl, *link));
  RETURN_IF_ERROR(DeleteLink(pod->rtnl, call.ifname));
  for (const LinkAddress& address : addresses) {
    if (address.net.ip.IsGlobalUnicast()) nets.push_back(address.net);
  }
  return nets;
}

absl::StatusOr<Link> CheckPodLink(const Call& call, Pod& pod,
                                  const Result& result) {
  const Interface* interface = FindPodInterface(call, result);
  if (interface == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the result of the ADD has no interface ", call.ifname,
                     " in ", call.netns));
  }
  ASSIGN_OR_RETURN(const Link link, GetLink(pod.rtnl, call.ifname));
  if (link.kind != "veth") {
    return absl::FailedPreconditionError(
        absl::StrCat("the pod's link ", call.ifname, " is no veth"));
  }
  if (!interface->mac.empty() && interface->mac != MacText(link)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the pod's link ", call.ifname, " has address ",
                     MacText(link), " instead of ", interface->mac));
  }
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses,
                   AddressesOf(pod.rtnl, link));
  for (const IpConfig& ip : result.ips) {
    const bool there = std::any_of(
        addresses.begin(), addresses.end(),
        [&](const LinkAddress& address) { return address.net == ip.address; });
    if (there) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the pod's link ", call.ifname, " has lost address ",
                     ip.address.ToString()));
  }
  for (const Route& route : result.routes) {
    ASSIGN_OR_RETURN(const bool there,
                     HasRoute(pod.rtnl, route.dst, route.gateway));
    if (there) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the pod has lost its route to ", route.dst.ToString()));
  }
  return link;
}

}  // namespace cri::network::cni
