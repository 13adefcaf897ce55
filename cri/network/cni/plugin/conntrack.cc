// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cri/network/netlink.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr uint16_t TypeOf(int message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

Message Request(const char* what, int type, uint16_t flags, bool v6) {
  Message message(what, TypeOf(type), flags);
  auto* header = message.Header<nfgenmsg>();
  header->nfgen_family = v6 ? AF_INET6 : AF_INET;
  header->version = NFNETLINK_V0;
  return message;
}

// Whether a tuple is UDP to the port.
bool GoesTo(const nlattr* tuple, uint16_t port) {
  bool udp = false, to = false;
  ForEachAttribute(tuple, [&](const nlattr* part) {
    if (mnl_attr_get_type(part) != CTA_TUPLE_PROTO) return;
    ForEachAttribute(part, [&](const nlattr* field) {
      if (mnl_attr_get_type(field) == CTA_PROTO_NUM) {
        udp = mnl_attr_get_u8(field) == IPPROTO_UDP;
      } else if (mnl_attr_get_type(field) == CTA_PROTO_DST_PORT) {
        to = ntohs(mnl_attr_get_u16(field)) == port;
      }
    });
  });
  return udp && to;
}

absl::Span<const uint8_t> PayloadOf(const nlattr* attribute) {
  return {static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)),
          mnl_attr_get_payload_len(attribute)};
}

}  // namespace

absl::Status ForgetUdpFlowsTo(uint16_t port, bool v6) {
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  Message list =
      Request("list tracked connections", IPCTNL_MSG_CT_GET, NLM_F_DUMP, v6);
  std::vector<Message> deletions;
  RETURN_IF_ERROR(socket.Query(list, [&](const nlmsghdr* reply) {
    const nlattr* tuple = nullptr;
    const nlattr* id = nullptr;
    ForEachAttribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == CTA_TUPLE_ORIG) tuple = attribute;
      if (mnl_attr_get_type(attribute) == CTA_ID) id = attribute;
    });
    if (tuple == nullptr || !GoesTo(tuple, port)) return;
    Message deletion =
        Request("forget a UDP flow", IPCTNL_MSG_CT_DELETE, 0, v6);
    deletion.Put(CTA_TUPLE_ORIG | NLA_F_NESTED, PayloadOf(tuple));
    if (id != nullptr) deletion.Put(CTA_ID, PayloadOf(id));
    deletions.push_back(std::move(deletion));
  }));
  for (Message& deletion : deletions) {
    const absl::Status deleted = socket.Run(deletion);
    if (!deleted.ok() && !absl::IsNotFound(deleted)) return deleted;
  }
  return absl::OkStatus();
}

}  // namespace cri::network::cni
