// SPDX-License-Identifier: Apache-2.0
#include "cri/network/link.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

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
      default:
        break;
    }
  });
  return link;
}

absl::Span<const uint8_t> Bytes(const uint32_t& wire) {
  return {reinterpret_cast<const uint8_t*>(&wire), sizeof wire};
}

Message UpMessage(const std::string& name) {
  Message message(absl::StrCat("set link ", name, " up"), RTM_NEWLINK, 0);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_flags = IFF_UP;
  info->ifi_change = IFF_UP;
  message.PutText(IFLA_IFNAME, name);
  return message;
}

Message AddressMessage(uint16_t type, const std::string& link, int index,
                       Ipv4 ip, int prefix) {
  const bool add = type == RTM_NEWADDR;
  Message message(absl::StrCat(add ? "add" : "remove", " address ",
                               ip.ToString(), "/", prefix, " on ", link),
                  type, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  auto* info = message.Header<ifaddrmsg>();
  info->ifa_family = AF_INET;
  info->ifa_prefixlen = static_cast<uint8_t>(prefix);
  info->ifa_index = static_cast<uint32_t>(index);
  message.Put(IFA_LOCAL, Bytes(ip.wire())).Put(IFA_ADDRESS, Bytes(ip.wire()));
  if (add) {
    const Ipv4 broadcast{ip.value | ~(~uint32_t{0} << (32 - prefix))};
    message.Put(IFA_BROADCAST, Bytes(broadcast.wire()));
  }
  return message;
}

struct Address {
  Ipv4 ip;
  int prefix = 0;
};

absl::StatusOr<std::vector<Address>> AddressesOf(Socket& rtnl, int index) {
  Message message("list addresses", RTM_GETADDR, NLM_F_DUMP);
  message.Header<ifaddrmsg>()->ifa_family = AF_INET;
  std::vector<Address> found;
  RETURN_IF_ERROR(rtnl.Query(message, [&](const nlmsghdr* reply) {
    const auto* info =
        static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(reply));
    if (static_cast<int>(info->ifa_index) != index) return;
    ForEachAttribute(reply, sizeof *info, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == IFA_LOCAL) {
        found.push_back(
            {Ipv4{ntohl(mnl_attr_get_u32(attribute))}, info->ifa_prefixlen});
      }
    });
  }));
  return found;
}

absl::Status MakeBridge(Socket& rtnl, const std::string& name,
                        const Cidr& cidr) {
  Message message(absl::StrCat("make bridge ", name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  message.Header<ifinfomsg>();
  // An address of its own: otherwise the bridge takes the lowest of its ports'
  // and changes it under everybody's neighbour tables as pods come and go.
  message.PutText(IFLA_IFNAME, name)
      .Put(IFLA_ADDRESS, MacOf(cidr.gateway()))
      .Nest(IFLA_LINKINFO, [&] { message.PutText(IFLA_INFO_KIND, "bridge"); });
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
  Message message("list links", RTM_GETLINK, NLM_F_DUMP);
  message.Header<ifinfomsg>();
  std::vector<Link> links;
  RETURN_IF_ERROR(rtnl.Query(message, [&](const nlmsghdr* reply) {
    links.push_back(ParseLink(reply));
  }));
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
                                 const Cidr& cidr, uint32_t mtu) {
  const absl::Status made = MakeBridge(rtnl, name, cidr);
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
  up.PutU32(IFLA_MTU, mtu).Put(IFLA_ADDRESS, MacOf(cidr.gateway()));
  RETURN_IF_ERROR(rtnl.Run(up));
  ASSIGN_OR_RETURN(const std::vector<Address> addresses,
                   AddressesOf(rtnl, link->index));
  for (const Address& old : addresses) {
    if (old.ip == cidr.gateway() && old.prefix == cidr.prefix) continue;
    Message remove =
        AddressMessage(RTM_DELADDR, name, link->index, old.ip, old.prefix);
    RETURN_IF_ERROR(rtnl.Run(remove));
  }
  Message add = AddressMessage(RTM_NEWADDR, name, link->index, cidr.gateway(),
                               cidr.prefix);
  RETURN_IF_ERROR(rtnl.Run(add));
  return link->index;
}

absl::StatusOr<uint32_t> DefaultRouteMtu(Socket& rtnl) {
  Message message("list routes", RTM_GETROUTE, NLM_F_DUMP);
  message.Header<rtmsg>()->rtm_family = AF_INET;
  int out = 0;
  RETURN_IF_ERROR(rtnl.Query(message, [&](const nlmsghdr* reply) {
    const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(reply));
    if (route->rtm_dst_len != 0 || route->rtm_table != RT_TABLE_MAIN) return;
    ForEachAttribute(reply, sizeof *route, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == RTA_OIF && out == 0) {
        out = static_cast<int>(mnl_attr_get_u32(attribute));
      }
    });
  }));
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
  auto* host = message.Header<ifinfomsg>();
  host->ifi_flags = IFF_UP;
  host->ifi_change = IFF_UP;
  const auto peer = [&] {
    // A second link description stands in the attribute, header first. It
    // cannot be up yet: veth opens an end only when both are joined.
    mnl_nlmsg_put_extra_header(message.header(), sizeof(ifinfomsg));
    message.PutText(IFLA_IFNAME, kPodLink)
        .PutU32(IFLA_MTU, veth.mtu)
        .PutU32(IFLA_NET_NS_FD, static_cast<uint32_t>(veth.netns_fd))
        .Put(IFLA_ADDRESS, veth.mac);
  };
  message.PutText(IFLA_IFNAME, veth.host_name)
      .PutU32(IFLA_MTU, veth.mtu)
      .PutU32(IFLA_MASTER, static_cast<uint32_t>(veth.bridge_index))
      .Nest(IFLA_LINKINFO, [&] {
        message.PutText(IFLA_INFO_KIND, "veth").Nest(IFLA_INFO_DATA, [&] {
          message.Nest(VETH_INFO_PEER, peer);
        });
      });
  return rtnl.Run(message);
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

absl::Status ConfigurePod(Socket& pod, const Cidr& cidr, Ipv4 ip) {
  ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(pod, kPodLink));
  if (!link.has_value()) {
    return absl::NotFoundError("the pod's namespace has no link eth0");
  }
  Message loopback = UpMessage("lo");
  Message up = UpMessage(kPodLink);
  Message address =
      AddressMessage(RTM_NEWADDR, kPodLink, link->index, ip, cidr.prefix);
  Message route(
      absl::StrCat("add default route via ", cidr.gateway().ToString()),
      RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  auto* info = route.Header<rtmsg>();
  info->rtm_family = AF_INET;
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = RTPROT_BOOT;
  info->rtm_scope = RT_SCOPE_UNIVERSE;
  info->rtm_type = RTN_UNICAST;
  route.Put(RTA_GATEWAY, Bytes(cidr.gateway().wire()))
      .PutU32(RTA_OIF, static_cast<uint32_t>(link->index));
  Message* const batch[] = {&loopback, &up, &address, &route};
  return pod.Run(absl::MakeConstSpan(batch));
}

}  // namespace cri::network
