// SPDX-License-Identifier: Apache-2.0
// Needs sock_diag (CONFIG_INET_DIAG, CONFIG_INET_UDP_DIAG,
// CONFIG_INET_SCTP_DIAG); without it nothing is found, which is how other
// runtimes go about it.
#include "cri/network/listener.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cri/network/netlink.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

struct Bound {
  Ip ip;
  bool takes_v4 = false;  // an IPv6 socket that serves IPv4 too
  uint32_t inode = 0;
};

Ip BoundTo(const inet_diag_msg& socket) {
  Ip ip{socket.idiag_family == AF_INET ? Family::kV4 : Family::kV6, 0};
  const int words = BitsOf(ip.family) / 32;
  for (int i = 0; i < words; ++i) {
    ip.value = ip.value << 32 | absl::uint128(ntohl(socket.id.idiag_src[i]));
  }
  // An IPv4 address in IPv6's clothes (::ffff:127.0.0.1).
  if (ip.family == Family::kV6 && (ip.value >> 32) == 0xffff) {
    return {Family::kV4, ip.value & UINT32_MAX};
  }
  return ip;
}

// The addresses in INET_DIAG_LOCALS: SCTP sockets may be bound to several.
std::vector<Ip> LocalsIn(const nlattr* attribute) {
  const auto* bytes = static_cast<const char*>(mnl_attr_get_payload(attribute));
  const size_t count =
      mnl_attr_get_payload_len(attribute) / sizeof(sockaddr_storage);
  std::vector<Ip> ips;
  for (size_t i = 0; i < count; ++i) {
    sockaddr_storage local;  // those of a message lie at multiples of 4
    memcpy(&local, bytes + i * sizeof local, sizeof local);
    if (local.ss_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(local);
      ips.push_back({Family::kV4, ntohl(v4.sin_addr.s_addr)});
    } else {
      ips.push_back(IpFromWire(
          reinterpret_cast<const sockaddr_in6&>(local).sin6_addr.s6_addr));
    }
  }
  return ips;
}

// Sockets that wait for anybody: UDP's without a peer, others in LISTEN. One
// that is bound to several addresses is there once for each.
absl::StatusOr<std::vector<Bound>> Listening(int family, Protocol protocol,
                                             uint16_t port) {
  Message message("list sockets", SOCK_DIAG_BY_FAMILY, 0);
  auto* request = message.Header<inet_diag_req_v2>();
  request->sdiag_family = static_cast<uint8_t>(family);
  request->sdiag_protocol = NumberOf(protocol);
  request->idiag_states =
      1u << (protocol == Protocol::kUdp ? TCP_CLOSE : TCP_LISTEN);
  std::vector<Bound> found;
  ASSIGN_OR_RETURN(Socket diag, Socket::Open(NETLINK_SOCK_DIAG));
  RETURN_IF_ERROR(diag.Dump(
      message, [&] { found.clear(); },
      [&](const nlmsghdr* reply) {
        const auto* socket =
            static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(reply));
        if (ntohs(socket->id.idiag_sport) != port) return;
        Bound bound{BoundTo(*socket), family == AF_INET6, socket->idiag_inode};
        std::vector<Ip> ips = {bound.ip};
        ForEachAttribute(reply, sizeof *socket, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY) {
            bound.takes_v4 = mnl_attr_get_u8(attribute) == 0;
          } else if (mnl_attr_get_type(attribute) == INET_DIAG_LOCALS) {
            ips = LocalsIn(attribute);
          }
        });
        for (const Ip ip : ips) {
          bound.ip = ip;
          found.push_back(bound);
        }
      }));
  return found;
}

bool Holds(const std::string& process, const std::string& socket) {
  const std::string dir = absl::StrCat("/proc/", process, "/fd");
  const absl::StatusOr<std::vector<std::string>> fds = runtime::ListDir(dir);
  if (!fds.ok()) return false;  // not a process, or gone
  for (const std::string& fd : *fds) {
    char target[PATH_MAX];
    const ssize_t size =
        readlink(absl::StrCat(dir, "/", fd).c_str(), target, sizeof target);
    if (size > 0 &&
        absl::string_view(target, static_cast<size_t>(size)) == socket) {
      return true;
    }
  }
  return false;
}

// Reads all of /proc: only for an error that is about to be told.
std::string OwnerOf(uint32_t inode) {
  const std::string socket = absl::StrCat("socket:[", inode, "]");
  const absl::StatusOr<std::vector<std::string>> names =
      runtime::ListDir("/proc");
  if (!names.ok()) return "a process of the node";
  for (const std::string& name : *names) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(name[0])) ||
        !Holds(name, socket)) {
      continue;
    }
    const absl::StatusOr<std::string> comm =
        runtime::ReadFile(absl::StrCat("/proc/", name, "/comm"), 64);
    if (!comm.ok()) break;
    return absl::StrCat(absl::StripTrailingAsciiWhitespace(*comm), " (pid ",
                        name, ")");
  }
  return "a process of the node";
}

bool InTheWay(const Bound& bound, const Forward& forward) {
  const Family family = forward.pod_ip.family;
  if (bound.ip.IsAny()) return bound.ip.family == family || bound.takes_v4;
  return forward.host_ip == bound.ip;
}

}  // namespace

absl::StatusOr<std::optional<Listener>> FindListener(const Forward& forward) {
  // To ask would load the module, without which nobody can listen.
  if (forward.protocol == Protocol::kSctp &&
      access("/proc/net/sctp", F_OK) != 0) {
    return std::nullopt;
  }
  for (const int family : {AF_INET, AF_INET6}) {
    const absl::StatusOr<std::vector<Bound>> sockets =
        Listening(family, forward.protocol, forward.host_port);
    // No socket diagnosis in this kernel.
    if (absl::IsNotFound(sockets.status())) return std::nullopt;
    RETURN_IF_ERROR(sockets.status());
    for (const Bound& bound : *sockets) {
      if (InTheWay(bound, forward)) {
        return Listener{bound.ip, OwnerOf(bound.inode)};
      }
    }
  }
  return std::nullopt;
}

}  // namespace cri::network
