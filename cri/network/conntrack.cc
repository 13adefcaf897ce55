// SPDX-License-Identifier: Apache-2.0
// Needs nf_conntrack_netlink (loads by itself).
#include "cri/network/conntrack.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cri/network/netlink.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

struct End {
  Ip ip;
  uint16_t port = 0;
};

// One direction of a connection.
struct Tuple {
  End from, to;
  uint8_t protocol = 0;
};

struct Connection {
  Tuple original;
  Tuple reply;
};

void ReadAddresses(const nlattr* nest, Tuple& tuple) {
  ForEachAttribute(nest, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case CTA_IP_V4_SRC:
      case CTA_IP_V6_SRC:
        tuple.from.ip = IpOf(attribute);
        break;
      case CTA_IP_V4_DST:
      case CTA_IP_V6_DST:
        tuple.to.ip = IpOf(attribute);
        break;
      default:
        break;
    }
  });
}

void ReadPorts(const nlattr* nest, Tuple& tuple) {
  ForEachAttribute(nest, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case CTA_PROTO_NUM:
        tuple.protocol = mnl_attr_get_u8(attribute);
        break;
      case CTA_PROTO_SRC_PORT:
        tuple.from.port = ntohs(mnl_attr_get_u16(attribute));
        break;
      case CTA_PROTO_DST_PORT:
        tuple.to.port = ntohs(mnl_attr_get_u16(attribute));
        break;
      default:
        break;
    }
  });
}

Tuple ReadTuple(const nlattr* nest) {
  Tuple tuple;
  ForEachAttribute(nest, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == CTA_TUPLE_IP) {
      ReadAddresses(attribute, tuple);
    } else if (mnl_attr_get_type(attribute) == CTA_TUPLE_PROTO) {
      ReadPorts(attribute, tuple);
    }
  });
  return tuple;
}

Message Request(const char* what, uint16_t command, uint16_t flags,
                Family family) {
  Message message(what, NFNL_SUBSYS_CTNETLINK << 8 | command, flags);
  message.Header<nfgenmsg>()->nfgen_family =
      family == Family::kV4 ? AF_INET : AF_INET6;
  return message;
}

// Deletes the connections of one family that `is_wrong`.
absl::Status Forget(Family family,
                    const std::function<bool(const Connection&)>& is_wrong) {
  std::vector<Message> deletions;
  Message list = Request("list connections", IPCTNL_MSG_CT_GET, 0, family);
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  RETURN_IF_ERROR(socket.Dump(
      list, [&] { deletions.clear(); },
      [&](const nlmsghdr* reply) {
        Connection connection;
        const nlattr* original = nullptr;
        ForEachAttribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == CTA_TUPLE_ORIG) {
            connection.original = ReadTuple(attribute);
            original = attribute;
          } else if (mnl_attr_get_type(attribute) == CTA_TUPLE_REPLY) {
            connection.reply = ReadTuple(attribute);
          }
        });
        if (original == nullptr || !is_wrong(connection)) return;
        Message deletion =
            Request("forget a connection", IPCTNL_MSG_CT_DELETE, 0, family);
        deletion.Put(
            CTA_TUPLE_ORIG | NLA_F_NESTED,
            {static_cast<const uint8_t*>(mnl_attr_get_payload(original)),
             mnl_attr_get_payload_len(original)});
        deletions.push_back(std::move(deletion));
      }));
  for (Message& deletion : deletions) {
    const absl::Status deleted = socket.Run(deletion);
    if (!absl::IsNotFound(deleted)) RETURN_IF_ERROR(deleted);
  }
  return absl::OkStatus();
}

// Those of one family whose connections do not end by themselves.
std::vector<Forward> StickyOf(const std::vector<Forward>& forwards,
                              Family family) {
  std::vector<Forward> sticky;
  std::copy_if(forwards.begin(), forwards.end(), std::back_inserter(sticky),
               [&](const Forward& forward) {
                 return forward.protocol != Protocol::kTcp &&
                        forward.pod_ip.family == family;
               });
  return sticky;
}

absl::StatusOr<std::set<Ip>> AddressesOfNode() {
  Message message("list addresses", RTM_GETADDR, 0);
  message.Header<ifaddrmsg>()->ifa_family = AF_UNSPEC;
  std::set<Ip> ips;
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  RETURN_IF_ERROR(rtnl.Dump(
      message, [&] { ips.clear(); },
      [&](const nlmsghdr* reply) {
        ForEachAttribute(reply, sizeof(ifaddrmsg),
                         [&](const nlattr* attribute) {
                           const uint16_t type = mnl_attr_get_type(attribute);
                           if (type == IFA_LOCAL || type == IFA_ADDRESS)
                             ips.insert(IpOf(attribute));
                         });
      }));
  return ips;
}

}  // namespace

absl::Status ForgetConnectionsElsewhere(const std::vector<Forward>& forwards) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    const std::vector<Forward> sticky = StickyOf(forwards, family);
    if (sticky.empty()) continue;
    ASSIGN_OR_RETURN(const std::set<Ip> node, AddressesOfNode());
    RETURN_IF_ERROR(Forget(family, [&](const Connection& connection) {
      const End& to = connection.original.to;
      return std::any_of(
          sticky.begin(), sticky.end(), [&](const Forward& forward) {
            return connection.original.protocol == NumberOf(forward.protocol) &&
                   to.port == forward.host_port &&
                   (forward.host_ip.has_value()
                        ? to.ip == *forward.host_ip
                        : to.ip.IsLoopback() || node.contains(to.ip)) &&
                   connection.reply.from.ip != forward.pod_ip;
          });
    }));
  }
  return absl::OkStatus();
}

absl::Status ForgetConnectionsTo(const std::vector<Forward>& forwards) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    const std::vector<Forward> sticky = StickyOf(forwards, family);
    if (sticky.empty()) continue;
    RETURN_IF_ERROR(Forget(family, [&](const Connection& connection) {
      return std::any_of(
          sticky.begin(), sticky.end(), [&](const Forward& forward) {
            return connection.original.protocol == NumberOf(forward.protocol) &&
                   connection.original.to.port == forward.host_port &&
                   connection.reply.from.ip == forward.pod_ip &&
                   connection.reply.from.port == forward.pod_port;
          });
    }));
  }
  return absl::OkStatus();
}

}  // namespace cri::network
