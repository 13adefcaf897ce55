// SPDX-License-Identifier: Apache-2.0
#include "cri/network/link.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kPodLink[] = "eth0";
constexpr uint32_t kEthernetMtu = 1500;

std::string KindOf(const nlattr* linkinfo) {
  std::string kind;
  ForEachAttribute(linkinfo, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) {
      kind = mnl_attr_get_str(attribute);
    }
  });
  return kind;
}

Link ParseLink(const nlmsghdr* reply) {
  const auto* info =
      static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(reply));
  Link link;
  link.index = info->ifi_index;
  link.flags = info->ifi_flags;
  ForEachAttribute(reply, sizeof *info, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        link.name = mnl_attr_get_str(attribute);
        break;
      case IFLA_MTU:
        link.mtu = mnl_attr_get_u32(attribute);
        break;
      case IFLA_MASTER:
        link.master = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_LINK:
        link.peer_index = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_LINKINFO:
        link.kind = KindOf(attribute);
        break;
      case IFLA_ADDRESS: {
        const auto* bytes =
            static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
        link.mac.assign(bytes, bytes + mnl_attr_get_payload_len(attribute));
        break;
      }
      case IFLA_OPERSTATE:
        link.oper_state = mnl_attr_get_u8(attribute);
        break;
      case IFLA_PROMISCUITY:
        link.promiscuity = mnl_attr_get_u32(attribute);
        break;
      default:
        break;
    }
  });
  return link;
}

uint8_t NumberOf(Family family) {
  return family == Family::kV4 ? AF_INET : AF_INET6;
}

Message UpMessage(const std::string& name) {
  Message message(absl::StrCat("set link ", name, " up"), RTM_NEWLINK, 0);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_flags = IFF_UP;
  info->ifi_change = IFF_UP;
  message.PutText(IFLA_IFNAME, name);
  return message;
}

// The kernel makes no address for the link by itself.
void PutNoAutomaticAddress(Message& message) {
  message.Nest(IFLA_AF_SPEC, [&] {
    message.Nest(AF_INET6, [&] {
      const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
      message.Put(IFLA_INET6_ADDR_GEN_MODE, {&none, 1});
    });
  });
}

Message AddressMessage(uint16_t type, const std::string& link, int index, Ip ip,
                       int prefix) {
  const bool add = type == RTM_NEWADDR;
  Message message(absl::StrCat(add ? "add" : "remove", " address ",
                               ip.ToString(), "/", prefix, " on ", link),
                  type, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  auto* info = message.Header<ifaddrmsg>();
  info->ifa_family = NumberOf(ip.family);
  info->ifa_prefixlen = static_cast<uint8_t>(prefix);
  info->ifa_index = static_cast<uint32_t>(index);
  message.Put(IFA_LOCAL, ip.wire()).Put(IFA_ADDRESS, ip.wire());
  if (add && ip.family == Family::kV4) {
    const Cidr net{ip, prefix};
    message.Put(IFA_BROADCAST, net.broadcast().wire());
  } else if (add) {
    message.PutU32(IFA_FLAGS, IFA_F_NODAD);
  }
  return message;
}

struct Address {
  Ip ip;
  int prefix = 0;
};

absl::StatusOr<std::vector<Address>> AddressesOf(Socket& rtnl, int index) {
  Message message("list addresses", RTM_GETADDR, 0);
  message.Header<ifaddrmsg>()->ifa_family = AF_UNSPEC;
  std::vector<Address> found;
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { found.clear(); },
      [&](const nlmsghdr* reply) {
        const auto* info =
            static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(reply));
        if (static_cast<int>(info->ifa_index) != index ||
            info->ifa_scope == RT_SCOPE_LINK) {
          return;
        }
        const uint16_t own =
            info->ifa_family == AF_INET ? IFA_LOCAL : IFA_ADDRESS;
        ForEachAttribute(reply, sizeof *info, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != own) return;
          found.push_back({IpOf(attribute), info->ifa_prefixlen});
        });
      }));
  return found;
}

absl::Status MakeBridge(Socket& rtnl, const std::string& name,
                        const std::array<uint8_t, 6>& mac) {
  Message message(absl::StrCat("make bridge ", name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  message.Header<ifinfomsg>();
  // An address of its own: otherwise the bridge takes the lowest of its ports'
  // and changes it under everybody's neighbour tables as pods come and go.
  message.PutText(IFLA_IFNAME, name)
      .Put(IFLA_ADDRESS, mac)
      .Nest(IFLA_LINKINFO, [&] {
        message.PutText(IFLA_INFO_KIND, "bridge").Nest(IFLA_INFO_DATA, [&] {
          // Snooping sets a timer of every port whenever one comes or goes.
          const uint8_t off = 0;
          message.Put(IFLA_BR_MCAST_SNOOPING, {&off, 1});
        });
      });
  return rtnl.Run(message);
}

}  // namespace

absl::StatusOr<std::optional<Link>> FindLink(Socket& rtnl,
                                             const std::string& name) {
  Message message(absl::StrCat("find link ", name), RTM_GETLINK, 0);
  message.Header<ifinfomsg>();
  message.PutText(IFLA_IFNAME, name);
  std::optional<Link> link;
  const absl::Status found = rtnl.Query(
      message, [&](const nlmsghdr* reply) { link = ParseLink(reply); });
  if (absl::IsNotFound(found)) return std::optional<Link>();
  RETURN_IF_ERROR(found);
  return link;
}

absl::StatusOr<std::vector<Link>> ListLinks(Socket& rtnl) {
  Message message("list links", RTM_GETLINK, 0);
  message.Header<ifinfomsg>();
  std::vector<Link> links;
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { links.clear(); },
      [&](const nlmsghdr* reply) { links.push_back(ParseLink(reply)); }));
  return links;
}

absl::Status DeleteLink(Socket& rtnl, const std::string& name) {
  Message message(absl::StrCat("delete link ", name), RTM_DELLINK, 0);
  message.Header<ifinfomsg>();
  message.PutText(IFLA_IFNAME, name);
  const absl::Status deleted = rtnl.Run(message);
  return absl::IsNotFound(deleted) ? absl::OkStatus() : deleted;
}

absl::StatusOr<int> EnsureBridge(Socket& rtnl, const std::string& name,
                                 const std::array<uint8_t, 6>& mac,
                                 uint32_t mtu) {
  const absl::Status made = MakeBridge(rtnl, name, mac);
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(rtnl, name));
  if (!link.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("bridge ", name, " vanished while it was set up"));
  }
  if (link->kind != "bridge") {
    return absl::FailedPreconditionError(absl::StrCat(
        "link ", name, " exists and is no bridge",
        link->kind.empty() ? "" : absl::StrCat(" but a ", link->kind)));
  }
  Message up(absl::StrCat("set bridge ", name, " up"), RTM_NEWLINK, 0);
  auto* info = up.Header<ifinfomsg>();
  info->ifi_index = link->index;
  info->ifi_flags = IFF_UP;
  info->ifi_change = IFF_UP;
  up.PutU32(IFLA_MTU, mtu).Put(IFLA_ADDRESS, mac);
  RETURN_IF_ERROR(rtnl.Run(up));
  return link->index;
}

absl::Status SetBridgeAddresses(Socket& rtnl, const std::string& name,
                                int index, const std::vector<Cidr>& cidrs) {
  ASSIGN_OR_RETURN(const std::vector<Address> addresses,
                   AddressesOf(rtnl, index));
  for (const Address& old : addresses) {
    const bool wanted =
        std::any_of(cidrs.begin(), cidrs.end(), [&](const Cidr& cidr) {
          return old.ip == cidr.gateway() && old.prefix == cidr.prefix;
        });
    if (wanted) continue;
    Message remove =
        AddressMessage(RTM_DELADDR, name, index, old.ip, old.prefix);
    RETURN_IF_ERROR(rtnl.Run(remove));
  }
  for (const Cidr& cidr : cidrs) {
    Message add =
        AddressMessage(RTM_NEWADDR, name, index, cidr.gateway(), cidr.prefix);
    RETURN_IF_ERROR(rtnl.Run(add));
  }
  return absl::OkStatus();
}

namespace {

// The index of the link behind a family's default route, 0 without one.
absl::StatusOr<int> DefaultRouteLink(Socket& rtnl, Family family) {
  Message message("list routes", RTM_GETROUTE, 0);
  message.Header<rtmsg>()->rtm_family = NumberOf(family);
  int out = 0;
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { out = 0; },
      [&](const nlmsghdr* reply) {
        const auto* route =
            static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply));
        if (route->rtm_dst_len != 0 || route->rtm_table != RT_TABLE_MAIN)
          return;
        ForEachAttribute(reply, sizeof *route, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == RTA_OIF && out == 0) {
            out = static_cast<int>(mnl_attr_get_u32(attribute));
          }
        });
      }));
  return out;
}

}  // namespace

absl::StatusOr<uint32_t> DefaultRouteMtu(Socket& rtnl) {
  ASSIGN_OR_RETURN(int out, DefaultRouteLink(rtnl, Family::kV4));
  if (out == 0) {
    ASSIGN_OR_RETURN(out, DefaultRouteLink(rtnl, Family::kV6));
  }
  if (out == 0) return kEthernetMtu;
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
  for (const Link& link : links) {
    if (link.index == out) return link.mtu;
  }
  return kEthernetMtu;
}

absl::Status AddVeth(Socket& rtnl, const Veth& veth) {
  Message message(absl::StrCat("make veth ", veth.host_name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  message.Header<ifinfomsg>();
  const auto peer = [&] {
    // A second link description stands in the attribute, header first. It
    // cannot be up yet: veth opens an end only when both are joined.
    mnl_nlmsg_put_extra_header(message.header(), sizeof(ifinfomsg));
    // One queue, which is all that is used, and no wait for all processors
    // until the others are off.
    message.PutText(IFLA_IFNAME, kPodLink)
        .PutU32(IFLA_NUM_TX_QUEUES, 1)
        .PutU32(IFLA_NUM_RX_QUEUES, 1)
        .PutU32(IFLA_MTU, veth.mtu)
        .PutU32(IFLA_NET_NS_FD, static_cast<uint32_t>(veth.netns_fd))
        .Put(IFLA_ADDRESS, veth.mac);
  };
  message.PutText(IFLA_IFNAME, veth.host_name)
      .PutU32(IFLA_NUM_TX_QUEUES, 1)
      .PutU32(IFLA_NUM_RX_QUEUES, 1)
      .PutU32(IFLA_MTU, veth.mtu)
      .PutU32(IFLA_MASTER, static_cast<uint32_t>(veth.bridge_index))
      .Nest(IFLA_LINKINFO, [&] {
        message.PutText(IFLA_INFO_KIND, "veth").Nest(IFLA_INFO_DATA, [&] {
          message.Nest(VETH_INFO_PEER, peer);
        });
      });
  Message port = UpMessage(veth.host_name);
  port.Nest(IFLA_LINKINFO, [&] {
    port.PutText(IFLA_INFO_SLAVE_KIND, "bridge")
        .Nest(IFLA_INFO_SLAVE_DATA, [&] {
          const uint8_t hairpin = 1;
          port.Put(IFLA_BRPORT_MODE, {&hairpin, 1});
        });
  });
  if (veth.node_has_ipv6) PutNoAutomaticAddress(port);
  Message* const batch[] = {&message, &port};
  return rtnl.Run(absl::MakeConstSpan(batch));
}

absl::Status SetMaster(Socket& rtnl, const Link& port, int bridge_index) {
  Message message(absl::StrCat("put link ", port.name, " on the bridge"),
                  RTM_NEWLINK, 0);
  message.Header<ifinfomsg>()->ifi_index = port.index;
  message.PutU32(IFLA_MASTER, static_cast<uint32_t>(bridge_index));
  return rtnl.Run(message);
}

absl::Status LoopbackUp(Socket& pod) {
  Message up = UpMessage("lo");
  return pod.Run(up);
}

namespace {

Message DefaultRouteMessage(Ip gateway, int link_index) {
  Message route(absl::StrCat("add default route via ", gateway.ToString()),
                RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  auto* info = route.Header<rtmsg>();
  info->rtm_family = NumberOf(gateway.family);
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = RTPROT_BOOT;
  info->rtm_scope = RT_SCOPE_UNIVERSE;
  info->rtm_type = RTN_UNICAST;
  route.Put(RTA_GATEWAY, gateway.wire())
      .PutU32(RTA_OIF, static_cast<uint32_t>(link_index));
  return route;
}

}  // namespace

absl::Status ConfigurePod(Socket& pod, const std::vector<PodAddress>& addresses,
                          const std::array<uint8_t, 6>& mac,
                          bool node_has_ipv6) {
  ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(pod, kPodLink));
  if (!link.has_value()) {
    return absl::NotFoundError("the pod's namespace has no link eth0");
  }
  const bool v6 = std::any_of(
      addresses.begin(), addresses.end(),
      [](const PodAddress& at) { return at.ip.family == Family::kV6; });
  std::vector<Message> messages;
  messages.push_back(UpMessage("lo"));
  messages.push_back(UpMessage(kPodLink));
  // A link-local address that the kernel made would be unusable for a second
  // while it looks for duplicates.
  if (v6 || node_has_ipv6) PutNoAutomaticAddress(messages.back());
  if (v6) {
    messages.push_back(AddressMessage(RTM_NEWADDR, kPodLink, link->index,
                                      LinkLocalOf(mac), 64));
  }
  for (const auto& [ip, cidr] : addresses) {
    messages.push_back(
        AddressMessage(RTM_NEWADDR, kPodLink, link->index, ip, cidr.prefix));
    messages.push_back(DefaultRouteMessage(cidr.gateway(), link->index));
  }
  std::vector<Message*> batch;
  for (Message& message : messages) batch.push_back(&message);
  return pod.Run(batch);
}

}  // namespace cri::network
