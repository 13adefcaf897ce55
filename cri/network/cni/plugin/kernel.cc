// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/kernel.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/random.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cri/network/netlink.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/thread.h"

namespace cri::network::cni {
namespace {

constexpr int kNameTries = 10;

uint8_t FamilyOf(const Ip& ip) { return ip.v6() ? AF_INET6 : AF_INET; }

absl::StatusOr<std::string> RandomVethName() {
  uint8_t bytes[4];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    return runtime::ErrnoStatus("getrandom");
  }
  return absl::StrFormat("veth%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
                         bytes[3]);
}

absl::Status AddVethPair(Socket& pod, const std::string& name,
                         const std::string& peer, int peer_netns, uint32_t mtu,
                         const std::vector<uint8_t>& mac) {
  Message message(absl::StrCat("make veth ", name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  message.Header<ifinfomsg>();
  const auto common = [&](const std::string& end) {
    message.PutText(IFLA_IFNAME, end).PutU32(IFLA_TXQLEN, 0);
    if (mtu != 0) message.PutU32(IFLA_MTU, mtu);
  };
  common(name);
  if (!mac.empty()) message.Put(IFLA_ADDRESS, mac);
  message.Nest(IFLA_LINKINFO, [&] {
    message.PutText(IFLA_INFO_KIND, "veth").Nest(IFLA_INFO_DATA, [&] {
      message.Nest(VETH_INFO_PEER, [&] {
        // A second link description stands in the attribute, header first.
        mnl_nlmsg_put_extra_header(message.header(), sizeof(ifinfomsg));
        common(peer);
        message.PutU32(IFLA_NET_NS_FD, static_cast<uint32_t>(peer_netns));
      });
    });
  });
  return pod.Run(message);
}

Message LinkMessage(const std::string& what, const Link& link,
                    uint32_t flags = 0, uint32_t change = 0) {
  Message message(absl::StrCat("set link ", link.name, " ", what), RTM_NEWLINK,
                  0);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_index = link.index;
  info->ifi_flags = flags;
  info->ifi_change = change;
  return message;
}

Message AddressMessage(uint16_t type, uint16_t flags, const Link& link,
                       const IpNet& net) {
  Message message(absl::StrCat(type == RTM_NEWADDR ? "add" : "remove",
                               " address ", net.ToString(), " on ", link.name),
                  type, flags);
  auto* info = message.Header<ifaddrmsg>();
  info->ifa_family = FamilyOf(net.ip);
  info->ifa_prefixlen = static_cast<uint8_t>(net.prefix);
  info->ifa_index = static_cast<uint32_t>(link.index);
  message.Put(IFA_LOCAL, net.ip.wire()).Put(IFA_ADDRESS, net.ip.wire());
  return message;
}

bool IsAddress(const nlattr* attribute) {
  const size_t size = mnl_attr_get_payload_len(attribute);
  return size == 4 || size == 16;
}

}  // namespace

absl::StatusOr<runtime::UniqueFd> OpenNetns(const std::string& path) {
  absl::StatusOr<runtime::UniqueFd> netns = runtime::OpenFile(path, O_RDONLY);
  if (netns.ok()) return netns;
  return runtime::Annotate(netns.status(), "network namespace");
}

absl::Status InNetns(int netns_fd, const std::function<absl::Status()>& body) {
  absl::Status result;
  RETURN_IF_ERROR(runtime::RunInThread([&] {
    result = setns(netns_fd, CLONE_NEWNET) == 0
                 ? body()
                 : runtime::ErrnoStatus("enter the pod's network namespace");
  }));
  return result;
}

absl::Status SetSysctl(const std::string& name, const std::string& value) {
  const std::string path = absl::StrCat("/proc/sys/net/", name);
  ASSIGN_OR_RETURN(const std::string old, runtime::ReadFile(path, 64));
  if (absl::StripAsciiWhitespace(old) == value) return absl::OkStatus();
  return runtime::WriteFile(path, value);
}

absl::StatusOr<Link> GetLink(Socket& rtnl, const std::string& name) {
  ASSIGN_OR_RETURN(std::optional<Link> link, FindLink(rtnl, name));
  if (link.has_value()) return *std::move(link);
  return absl::NotFoundError(absl::StrCat("there is no link ", name));
}

std::string MacText(const Link& link) {
  return absl::StrJoin(link.mac, ":", [](std::string* out, uint8_t byte) {
    absl::StrAppendFormat(out, "%02x", byte);
  });
}

absl::StatusOr<std::string> AddPodVeth(Socket& pod, const std::string& name,
                                       uint32_t mtu,
                                       const std::vector<uint8_t>& mac) {
  ASSIGN_OR_RETURN(const runtime::UniqueFd node,
                   OpenNetns("/proc/thread-self/ns/net"));
  for (int i = 0; i < kNameTries; ++i) {
    ASSIGN_OR_RETURN(const std::string peer, RandomVethName());
    const absl::Status added =
        AddVethPair(pod, name, peer, node.get(), mtu, mac);
    if (added.ok()) return peer;
    if (!absl::IsAlreadyExists(added)) return added;
    ASSIGN_OR_RETURN(const std::optional<Link> taken, FindLink(pod, name));
    if (taken.has_value()) {
      return absl::AlreadyExistsError(
          absl::StrCat("the pod's namespace has a link ", name, " already"));
    }
  }
  return absl::ResourceExhaustedError("no free name for a veth was found");
}

absl::Status AddBridge(Socket& node, const std::string& name, uint32_t mtu,
                       bool vlans) {
  Message message(absl::StrCat("make bridge ", name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  message.Header<ifinfomsg>();
  message.PutText(IFLA_IFNAME, name);
  if (mtu != 0) message.PutU32(IFLA_MTU, mtu);
  message.Nest(IFLA_LINKINFO, [&] {
    message.PutText(IFLA_INFO_KIND, "bridge");
    const uint8_t on = 1;
    if (!vlans) return;
    message.Nest(IFLA_INFO_DATA, [&] {
      message.Put(IFLA_BR_VLAN_FILTERING, {&on, 1});
    });
  });
  const absl::Status added = node.Run(message);
  return absl::IsAlreadyExists(added) ? absl::OkStatus() : added;
}

absl::Status SetUp(Socket& rtnl, const Link& link, bool up) {
  Message message =
      LinkMessage(up ? "up" : "down", link, up ? IFF_UP : 0, IFF_UP);
  return rtnl.Run(message);
}

absl::Status SetHairpin(Socket& rtnl, const Link& port, bool on) {
  Message message(absl::StrCat("set hairpin mode of ", port.name), RTM_SETLINK,
                  0);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_family = AF_BRIDGE;
  info->ifi_index = port.index;
  const uint8_t value = on ? 1 : 0;
  message.Nest(IFLA_PROTINFO, [&] {
    message.Put(IFLA_BRPORT_MODE, {&value, 1});
  });
  return rtnl.Run(message);
}

absl::Status SetPortVlan(Socket& rtnl, const Link& port, uint16_t vlan) {
  Message message(
      absl::StrCat("put bridge port ", port.name, " into VLAN ", vlan),
      RTM_SETLINK, 0);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_family = AF_BRIDGE;
  info->ifi_index = port.index;
  const bridge_vlan_info entry{
      BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, vlan};
  message.Nest(IFLA_AF_SPEC, [&] {
    message.Put(IFLA_BRIDGE_VLAN_INFO,
                {reinterpret_cast<const uint8_t*>(&entry), sizeof entry});
  });
  return rtnl.Run(message);
}

absl::Status SetPromiscuous(Socket& rtnl, const Link& link) {
  Message message = LinkMessage("promiscuous", link, IFF_PROMISC, IFF_PROMISC);
  return rtnl.Run(message);
}

absl::Status SetMac(Socket& rtnl, const Link& link) {
  Message message = LinkMessage("address", link);
  message.Put(IFLA_ADDRESS, link.mac);
  return rtnl.Run(message);
}

absl::StatusOr<std::vector<LinkAddress>> AddressesOf(Socket& rtnl,
                                                     const Link& link) {
  Message message("list addresses", RTM_GETADDR, 0);
  message.Header<ifaddrmsg>();
  std::vector<LinkAddress> found;
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { found.clear(); },
      [&](const nlmsghdr* reply) {
        const auto* info =
            static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(reply));
        if (static_cast<int>(info->ifa_index) != link.index) return;
        LinkAddress address{{Ip(), info->ifa_prefixlen}, info->ifa_flags};
        bool local = false;
        ForEachAttribute(reply, sizeof *info, [&](const nlattr* attribute) {
          const uint16_t type = mnl_attr_get_type(attribute);
          if (type == IFA_FLAGS) {
            address.flags = mnl_attr_get_u32(attribute);
          } else if ((type == IFA_LOCAL || (type == IFA_ADDRESS && !local)) &&
                     IsAddress(attribute)) {
            local |= type == IFA_LOCAL;
            address.net.ip = IpOf(attribute);
          }
        });
        found.push_back(address);
      }));
  return found;
}

absl::Status AddAddress(Socket& rtnl, const Link& link, const IpNet& net) {
  Message message =
      AddressMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, net);
  if (!net.ip.v6() && net.prefix < 31) {
    message.Put(IFA_BROADCAST, net.ip.Filled(net.prefix).wire());
  }
  return rtnl.Run(message);
}

absl::Status RemoveAddress(Socket& rtnl, const Link& link, const IpNet& net) {
  Message message = AddressMessage(RTM_DELADDR, 0, link, net);
  return rtnl.Run(message);
}

absl::Status SettleAddresses(int netns_fd, Socket& rtnl, const Link& link,
                             absl::Time deadline) {
  // Subscribed before looking, so that no change is missed.
  ASSIGN_OR_RETURN(Socket news, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  RETURN_IF_ERROR(news.Subscribe(RTNLGRP_IPV6_IFADDR));
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses,
                     AddressesOf(rtnl, link));
    bool tentative = false;
    for (const LinkAddress& address : addresses) {
      if ((address.flags & IFA_F_DADFAILED) != 0) {
        return absl::FailedPreconditionError(
            absl::StrCat("address ", address.net.ToString(), " on ", link.name,
                         " is in use by somebody else"));
      }
      tentative |= (address.flags & IFA_F_TENTATIVE) != 0;
    }
    if (!tentative) return absl::OkStatus();
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "link ", link.name, " still has tentative IPv6 addresses"));
    }
    RETURN_IF_ERROR(news.WaitForNews(deadline));
  }
}

absl::Status AddRoute(Socket& rtnl, const Link& link, const LinkRoute& route) {
  Message message(
      absl::StrCat("add route to ", route.dst.ToString(),
                   route.gateway.has_value()
                       ? absl::StrCat(" via ", route.gateway->ToString())
                       : "",
                   " dev ", link.name),
      RTM_NEWROUTE, NLM_F_CREATE | (route.joins ? 0 : NLM_F_EXCL));
  auto* info = message.Header<rtmsg>();
  info->rtm_family = FamilyOf(route.dst.ip);
  info->rtm_dst_len = static_cast<uint8_t>(route.dst.prefix);
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = RTPROT_BOOT;
  info->rtm_scope = route.scope;
  info->rtm_type = RTN_UNICAST;
  message.Put(RTA_DST, route.dst.Network().wire());
  if (route.gateway.has_value()) {
    message.Put(RTA_GATEWAY, route.gateway->wire());
  }
  if (route.source.has_value()) {
    message.Put(RTA_PREFSRC, route.source->wire());
  }
  message.PutU32(RTA_OIF, static_cast<uint32_t>(link.index));
  return rtnl.Run(message);
}

absl::Status RemoveNetworkRoute(Socket& rtnl, const Link& link,
                                const IpNet& net) {
  Message message(
      absl::StrCat("remove route to ", net.ToString(), " dev ", link.name),
      RTM_DELROUTE, 0);
  auto* info = message.Header<rtmsg>();
  info->rtm_family = FamilyOf(net.ip);
  info->rtm_dst_len = static_cast<uint8_t>(net.prefix);
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_scope = RT_SCOPE_NOWHERE;
  message.Put(RTA_DST, net.Network().wire())
      .PutU32(RTA_OIF, static_cast<uint32_t>(link.index));
  return rtnl.Run(message);
}

absl::StatusOr<bool> HasRoute(Socket& rtnl, const IpNet& dst,
                              const std::optional<Ip>& gateway) {
  Message message("list routes", RTM_GETROUTE, 0);
  message.Header<rtmsg>()->rtm_family = FamilyOf(dst.ip);
  bool found = false;
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { found = false; },
      [&](const nlmsghdr* reply) {
        const auto* info =
            static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply));
        if (info->rtm_dst_len != dst.prefix ||
            info->rtm_table != RT_TABLE_MAIN) {
          return;
        }
        Ip to = Ip::Any(dst.ip.family);
        std::optional<Ip> via;
        ForEachAttribute(reply, sizeof *info, [&](const nlattr* attribute) {
          if (!IsAddress(attribute)) return;
          if (mnl_attr_get_type(attribute) == RTA_DST) to = IpOf(attribute);
          if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
            via = IpOf(attribute);
        });
        found |=
            to == dst.Network() && (!gateway.has_value() || via == gateway);
      }));
  return found;
}

absl::StatusOr<int> LinkToward(Socket& rtnl, const Ip& ip) {
  Message message(absl::StrCat("find the route to ", ip.ToString()),
                  RTM_GETROUTE, 0);
  auto* header = message.Header<rtmsg>();
  header->rtm_family = FamilyOf(ip);
  header->rtm_dst_len = static_cast<uint8_t>(ip.bits());
  message.Put(RTA_DST, ip.wire());
  int index = 0;
  const absl::Status asked = rtnl.Query(message, [&](const nlmsghdr* reply) {
    ForEachAttribute(reply, sizeof(rtmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == RTA_OIF) {
        index = static_cast<int>(mnl_attr_get_u32(attribute));
      }
    });
  });
  if (asked.code() == absl::StatusCode::kUnavailable) return 0;  // no route
  RETURN_IF_ERROR(asked);
  return index;
}

}  // namespace cri::network::cni
