// SPDX-License-Identifier: Apache-2.0
// ptp: a veth pair whose node end has the gateway's address, and a host route
// to the pod.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/masquerade.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/plugin/pod_link.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr int64_t kMaxMtu = 65535;

struct Conf {
  bool masquerade = false;
  int64_t mtu = 0;
  std::optional<DnsInfo> dns;  // none: IPAM's
};

absl::StatusOr<Conf> Parse(const Json& request) {
  Conf conf;
  RETURN_IF_ERROR(Read(request, "ipMasq", conf.masquerade));
  RETURN_IF_ERROR(ReadNumber(request, "mtu", 0, kMaxMtu, conf.mtu));
  ASSIGN_OR_RETURN(conf.dns, OwnDns(request));
  return conf;
}

// A veth has no point-to-point mode. So the network's own route goes, and all
// but the gateway is reached through the gateway.
absl::Status RouteByGateway(Pod& pod, const Link& link, const IpConfig& ip) {
  if (!ip.gateway.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "address ", ip.address.ToString(), " comes without a gateway"));
  }
  RETURN_IF_ERROR(RemoveNetworkRoute(pod.rtnl, link, ip.address));
  LinkRoute gateway{IpNet::Host(*ip.gateway), std::nullopt, ip.address.ip,
                    RT_SCOPE_LINK};
  RETURN_IF_ERROR(AddRoute(pod.rtnl, link, gateway));
  LinkRoute network{ip.address, ip.gateway, ip.address.ip, RT_SCOPE_UNIVERSE};
  return AddRoute(pod.rtnl, link, network);
}

absl::Status ConfigureHost(Socket& node, const std::string& name,
                           const Result& result) {
  ASSIGN_OR_RETURN(const Link host, GetLink(node, name));
  for (const IpConfig& ip : result.ips) {
    RETURN_IF_ERROR(AddAddress(node, host, IpNet::Host(*ip.gateway)));
    const LinkRoute route{IpNet::Host(ip.address.ip), std::nullopt,
                          std::nullopt, RT_SCOPE_HOST};
    const absl::Status added = AddRoute(node, host, route);
    if (!added.ok() && !absl::IsAlreadyExists(added)) return added;
  }
  return absl::OkStatus();
}

absl::Status Connect(const Call& call, const Conf& conf, Result& result) {
  if (result.ips.empty()) {
    return absl::FailedPreconditionError("IPAM gave no address");
  }
  RETURN_IF_ERROR(EnableForwardingFor(result.ips));
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(
      const PodVeth veth,
      AddVethEnds(call, pod, node, static_cast<uint32_t>(conf.mtu), {}));
  result.interfaces = {veth.host, veth.pod};
  for (IpConfig& ip : result.ips) ip.interface = 1;
  ASSIGN_OR_RETURN(const Link link, GetLink(pod.rtnl, call.ifname));
  RETURN_IF_ERROR(ConfigureLink(pod, link, result, call.deadline));
  for (const IpConfig& ip : result.ips) {
    RETURN_IF_ERROR(RouteByGateway(pod, link, ip));
  }
  RETURN_IF_ERROR(ConfigureHost(node, veth.host.name, result));
  if (conf.masquerade) RETURN_IF_ERROR(AddPodMasquerade(call, result.ips));
  if (conf.dns.has_value()) result.dns = *conf.dns;
  return absl::OkStatus();
}

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(Result result, HostLocal().add(call));
  const absl::Status connected = Connect(call, conf, result);
  if (connected.ok()) return result;
  HostLocal().del(call).IgnoreError();  // the caller's DEL tries again
  return connected;
}

absl::Status Del(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  RETURN_IF_ERROR(HostLocal().del(call));
  RETURN_IF_ERROR(DeletePodLink(call).status());
  return conf.masquerade ? RemovePodMasquerade(call) : absl::OkStatus();
}

absl::Status Check(const Call& call) {
  RETURN_IF_ERROR(HostLocal().check(call));
  ASSIGN_OR_RETURN(const Result result, PreviousResult(call));
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  return CheckPodLink(call, pod, result).status();
}

absl::Status Understands(const Json& conf) {
  RETURN_IF_ERROR(OnlyKeys(conf, {"ipMasq", "mtu", "ipam", "dns", "args"}));
  RETURN_IF_ERROR(OnlyKnownArgs(conf));
  return Parse(conf).status();
}

}  // namespace

const PluginCode& Ptp() {
  static const PluginCode kCode{
      Add, Del, Check, HostLocal().gc, Understands, HostLocal().status};
  return kCode;
}

}  // namespace cri::network::cni
