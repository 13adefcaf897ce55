// SPDX-License-Identifier: Apache-2.0
// Who reaches whom by TCP and UDP, between network namespaces.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_TRAFFIC_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_TRAFFIC_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/netns.h"

namespace tests {

inline constexpr uint16_t kPort = 8080;
inline constexpr int kPatience = 5000;  // milliseconds

// IPv4 addresses stand in IPv6's form: one kind of socket serves both.
inline sockaddr_in6 SocketAddress(const std::string& ip, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  const std::string text =
      absl::StrContains(ip, ':') ? ip : absl::StrCat("::ffff:", ip);
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &address.sin6_addr), 1) << ip;
  return address;
}

inline std::string AddressText(const sockaddr_in6& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  const std::string name = text;
  return absl::StartsWith(name, "::ffff:") ? name.substr(7) : name;
}

inline runtime::UniqueFd Bound(int type, const std::string& ip, uint16_t port,
                               int protocol = 0) {
  runtime::UniqueFd fd(socket(AF_INET6, type | SOCK_CLOEXEC, protocol));
  const int on = 1, off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const sockaddr_in6 address = SocketAddress(ip, port);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof address),
            0)
      << ip << " " << port;
  return fd;
}

// A TCP server in a namespace, and who connected to it last.
class Server {
 public:
  explicit Server(const NetNs& ns, uint16_t port = kPort,
                  const std::string& ip = "::") {
    ns.Run([&] {
      listener_ = Bound(SOCK_STREAM, ip, port);
      EXPECT_EQ(listen(listener_.get(), 16), 0);
    });
  }

  // The peer's address, or "" if nobody came.
  std::string Accept(int patience = kPatience) {
    pollfd wait{listener_.get(), POLLIN, 0};
    if (poll(&wait, 1, patience) != 1) return "";
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    const runtime::UniqueFd connection(
        accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                SOCK_CLOEXEC));
    return AddressText(peer);
  }

 private:
  runtime::UniqueFd listener_;
};

// Whether a TCP connection to `ip` opens (or is refused by a living host, if
// `refused_counts`), from the calling thread's namespace.
inline bool Connects(const std::string& ip, bool refused_counts = false,
                     uint16_t port = kPort, int patience = kPatience) {
  const runtime::UniqueFd fd(
      socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in6 to = SocketAddress(ip, port);
  connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  pollfd wait{fd.get(), POLLOUT, 0};
  if (poll(&wait, 1, patience) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 || (refused_counts && error == ECONNREFUSED);
}

// A UDP socket in a namespace.
class Datagrams {
 public:
  explicit Datagrams(const NetNs& ns, uint16_t port = 0) {
    ns.Run([&] { socket_ = Bound(SOCK_DGRAM, "::", port); });
  }

  void Send(const std::string& ip, uint16_t port) {
    const sockaddr_in6 to = SocketAddress(ip, port);
    EXPECT_EQ(sendto(socket_.get(), "x", 1, 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to),
              1);
  }

  // Answers the next datagram. Its sender's address, or "" if none came.
  std::string Answer(int patience = kPatience) {
    sockaddr_in6 from{};
    if (!Receive(from, patience)) return "";
    EXPECT_EQ(sendto(socket_.get(), "y", 1, 0,
                     reinterpret_cast<const sockaddr*>(&from), sizeof from),
              1);
    return AddressText(from);
  }

  // Where the next datagram came from, or "".
  std::string Sender(int patience = kPatience) {
    sockaddr_in6 from{};
    return Receive(from, patience) ? AddressText(from) : "";
  }

 private:
  bool Receive(sockaddr_in6& from, int patience) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (poll(&wait, 1, patience) != 1) return false;
    socklen_t size = sizeof from;
    char byte = 0;
    return recvfrom(socket_.get(), &byte, 1, 0,
                    reinterpret_cast<sockaddr*>(&from), &size) == 1;
  }

  runtime::UniqueFd socket_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_TRAFFIC_H_
