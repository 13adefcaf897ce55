// SPDX-License-Identifier: Apache-2.0
// bridge: a veth pair whose node end is a port of a bridge, which may be the
// pods' gateway.
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/network/cni/plugin/gateway.h"
#include "cri/network/cni/plugin/masquerade.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/plugin/pod_link.h"
#include "cri/network/cni/plugin/spoof_check.h"
#include "cri/network/link_name.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr int64_t kMaxMtu = 65535;
constexpr int64_t kMaxVlan = 4094;
constexpr absl::Duration kPortTime = absl::Seconds(5);

struct Conf {
  std::string bridge = "cni0";
  bool gateway = false;
  bool default_gateway = false;
  bool force_address = false;
  bool masquerade = false;
  bool hairpin = false;
  bool promiscuous = false;
  bool spoof_check = false;
  bool find_duplicates = false;  // IPv6's duplicate address detection
  int64_t mtu = 0;
  int64_t vlan = 0;            // 0: none
  std::vector<uint8_t> mac;    // of the pod's link; empty: the kernel's choice
  std::optional<DnsInfo> dns;  // none: IPAM's
};

absl::Status ReadMac(const Json& from, std::vector<uint8_t>& mac) {
  std::string text;
  RETURN_IF_ERROR(Read(from, "mac", text));
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<uint8_t>> parsed = ParseMac(text);
  if (!parsed.ok()) return FieldError("mac", parsed.status().message());
  mac = *std::move(parsed);
  return absl::OkStatus();
}

absl::StatusOr<Conf> Parse(const Json& request) {
  Conf conf;
  RETURN_IF_ERROR(Read(request, "bridge", conf.bridge));
  RETURN_IF_ERROR(Read(request, "isGateway", conf.gateway));
  RETURN_IF_ERROR(Read(request, "isDefaultGateway", conf.default_gateway));
  RETURN_IF_ERROR(Read(request, "forceAddress", conf.force_address));
  RETURN_IF_ERROR(Read(request, "ipMasq", conf.masquerade));
  RETURN_IF_ERROR(Read(request, "hairpinMode", conf.hairpin));
  RETURN_IF_ERROR(Read(request, "promiscMode", conf.promiscuous));
  RETURN_IF_ERROR(Read(request, "macspoofchk", conf.spoof_check));
  RETURN_IF_ERROR(Read(request, "enabledad", conf.find_duplicates));
  RETURN_IF_ERROR(ReadNumber(request, "mtu", 0, kMaxMtu, conf.mtu));
  RETURN_IF_ERROR(ReadNumber(request, "vlan", 0, kMaxVlan, conf.vlan));
  // The runtime has the last word.
  RETURN_IF_ERROR(Within(
      ReadMac(runtime::At(request, {"args", "cni"}), conf.mac), "args.cni"));
  RETURN_IF_ERROR(
      Within(ReadMac(runtime::At(request, "runtimeConfig"), conf.mac),
             "runtimeConfig"));
  ASSIGN_OR_RETURN(conf.dns, OwnDns(request));
  conf.gateway |= conf.default_gateway;
  if (conf.hairpin && conf.promiscuous) {
    return FieldError("promiscMode", "cannot be set together with hairpinMode");
  }
  if (!IsLinkName(conf.bridge)) {
    return FieldError("bridge",
                      absl::StrCat("\"", conf.bridge, "\" is not ", kLinkName));
  }
  return conf;
}

absl::StatusOr<Link> EnsureBridge(Socket& node, const Conf& conf) {
  RETURN_IF_ERROR(AddBridge(node, conf.bridge, static_cast<uint32_t>(conf.mtu),
                            conf.vlan != 0));
  ASSIGN_OR_RETURN(const Link bridge, GetLink(node, conf.bridge));
  if (bridge.kind != "bridge") {
    return absl::FailedPreconditionError(
        absl::StrCat("link ", conf.bridge, " exists and is no bridge"));
  }
  if (conf.promiscuous) RETURN_IF_ERROR(SetPromiscuous(node, bridge));
  // We want to own the routes of this link. Without IPv6 there is no setting.
  SetSysctl(absl::StrCat("ipv6/conf/", conf.bridge, "/accept_ra"), "0")
      .IgnoreError();
  RETURN_IF_ERROR(SetUp(node, bridge, true));
  return bridge;
}

// The gateway of each address, and a default route of each family by its first
// one.
void CompleteGateways(const Conf& conf, Result& result) {
  bool has_default[2] = {};
  for (IpConfig& ip : result.ips) {
    const Family family = ip.address.ip.family;
    const bool v6 = family == Family::kV6;
    ip.interface = 2;
    if (!ip.gateway.has_value() && conf.gateway) {
      ip.gateway = ip.address.Network().Next();
    }
    if (!conf.default_gateway || has_default[v6]) continue;
    has_default[v6] = true;
    const IpNet everywhere{Ip::Any(family), 0};
    const bool there = std::any_of(
        result.routes.begin(), result.routes.end(), [&](const Route& route) {
          return route.gateway.has_value() && route.dst == everywhere;
        });
    if (!there) result.routes.push_back({everywhere, ip.gateway});
  }
}

absl::Status ConfigurePod(const Call& call, const Conf& conf, Pod& pod,
                          const Result& result) {
  RETURN_IF_ERROR(InNetns(pod.netns.get(), [&]() -> absl::Status {
    // Kernels without them have nothing to switch, or to announce.
    const std::string v6 = absl::StrCat("ipv6/conf/", call.ifname);
    if (conf.find_duplicates) {
      // As it works on links that send back what they get.
      SetSysctl(v6 + "/enhanced_dad", "1").IgnoreError();
    }
    SetSysctl(v6 + "/accept_dad", conf.find_duplicates ? "1" : "0")
        .IgnoreError();
    SetSysctl(absl::StrCat("ipv4/conf/", call.ifname, "/arp_notify"), "1")
        .IgnoreError();
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const Link link, GetLink(pod.rtnl, call.ifname));
  return ConfigureLink(pod, link, result, call.deadline);
}

// The bridge forwards to a port only when the kernel has seen its carrier.
absl::Status WaitForPort(const std::string& name, absl::Time deadline) {
  ASSIGN_OR_RETURN(Socket news, Socket::Open(NETLINK_ROUTE));
  RETURN_IF_ERROR(news.Subscribe(RTNLGRP_LINK));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  for (;;) {
    ASSIGN_OR_RETURN(const Link port, GetLink(node, name));
    if (port.oper_state == IF_OPER_UP) return absl::OkStatus();
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("bridge port ", name, " does not come up"));
    }
    RETURN_IF_ERROR(news.WaitForNews(deadline));
  }
}

// With addresses: all of layer 3. The lease is the caller's to give back.
absl::Status Configure(const Call& call, const Conf& conf, Socket& node,
                       Pod& pod, const Link& bridge, Result& result) {
  if (result.ips.empty()) {
    return absl::FailedPreconditionError("IPAM gave no address");
  }
  CompleteGateways(conf, result);
  RETURN_IF_ERROR(ConfigurePod(call, conf, pod, result));
  RETURN_IF_ERROR(
      WaitForPort(result.interfaces[1].name,
                  std::min(call.deadline, absl::Now() + kPortTime)));
  if (conf.gateway) {
    const Gateway gateway{static_cast<uint16_t>(conf.vlan), conf.force_address};
    RETURN_IF_ERROR(BecomeGateway(node, bridge, gateway, result));
  }
  return conf.masquerade ? AddPodMasquerade(call, result.ips)
                         : absl::OkStatus();
}

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const Link bridge, EnsureBridge(node, conf));
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(
      const PodVeth veth,
      AddVethEnds(call, pod, node, static_cast<uint32_t>(conf.mtu), conf.mac));
  ASSIGN_OR_RETURN(const Link port, GetLink(node, veth.host.name));
  RETURN_IF_ERROR(SetMaster(node, port, bridge.index));
  RETURN_IF_ERROR(SetHairpin(node, port, conf.hairpin));
  if (conf.vlan != 0) {
    RETURN_IF_ERROR(SetPortVlan(node, port, static_cast<uint16_t>(conf.vlan)));
  }
  if (conf.spoof_check) {
    RETURN_IF_ERROR(AddSpoofCheck(call, port.name, veth.pod.mac));
  }
  ASSIGN_OR_RETURN(Result result, HostLocal().add(call));
  Interface own;
  own.name = conf.bridge;
  result.interfaces = {own, veth.host, veth.pod};
  const absl::Status configured =
      Configure(call, conf, node, pod, bridge, result);
  if (!configured.ok()) {
    HostLocal().del(call).IgnoreError();  // the caller's DEL tries again
    return configured;
  }
  // It may have changed with the first port, or with the address.
  ASSIGN_OR_RETURN(const Link now, GetLink(node, conf.bridge));
  result.interfaces[0].mac = MacText(now);
  if (conf.dns.has_value()) result.dns = *conf.dns;
  return result;
}

absl::Status Del(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  RETURN_IF_ERROR(DeletePodLink(call).status());
  RETURN_IF_ERROR(HostLocal().del(call));
  if (conf.spoof_check) RETURN_IF_ERROR(RemoveSpoofCheck(call));
  return conf.masquerade ? RemovePodMasquerade(call) : absl::OkStatus();
}

absl::Status CheckPort(Socket& node, const Link& bridge, const Link& inside,
                       const Result& result) {
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(node));
  for (const Link& link : links) {
    const bool ours = std::any_of(
        result.interfaces.begin(), result.interfaces.end(),
        [&](const Interface& interface) {
          return interface.sandbox.empty() && interface.name == link.name;
        });
    if (ours && link.kind == "veth" && link.master == bridge.index &&
        link.index == inside.peer_index && link.peer_index == inside.index) {
      return absl::OkStatus();
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("bridge ", bridge.name, " has lost the pod's port"));
}

absl::Status Check(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  RETURN_IF_ERROR(HostLocal().check(call));
  ASSIGN_OR_RETURN(const Result result, PreviousResult(call));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const Link bridge, GetLink(node, conf.bridge));
  if (bridge.kind != "bridge") {
    return absl::FailedPreconditionError(
        absl::StrCat("link ", conf.bridge, " is no bridge"));
  }
  if (conf.promiscuous && bridge.promiscuity == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("bridge ", conf.bridge, " is no longer promiscuous"));
  }
  for (const Interface& interface : result.interfaces) {
    if (interface.name == conf.bridge && !interface.mac.empty() &&
        interface.mac != MacText(bridge)) {
      return absl::FailedPreconditionError(
          absl::StrCat("bridge ", conf.bridge, " has address ", MacText(bridge),
                       " instead of ", interface.mac));
    }
  }
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(const Link inside, CheckPodLink(call, pod, result));
  return CheckPort(node, bridge, inside, result);
}

absl::Status Understands(const Json& conf) {
  RETURN_IF_ERROR(
      OnlyKeys(conf, {"bridge", "isGateway", "isDefaultGateway", "forceAddress",
                      "ipMasq", "hairpinMode", "promiscMode", "mtu", "vlan",
                      "macspoofchk", "enabledad", "ipam", "dns", "args"}));
  RETURN_IF_ERROR(OnlyKnownArgs(conf));
  return Parse(conf).status();
}

}  // namespace

const PluginCode& Bridge() {
  static const PluginCode kCode{
      Add, Del, Check, HostLocal().gc, Understands, HostLocal().status};
  return kCode;
}

}  // namespace cri::network::cni
