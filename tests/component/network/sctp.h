// SPDX-License-Identifier: Apache-2.0
// Who talks with whom by SCTP, between network namespaces.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_SCTP_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_SCTP_H_

#include <linux/sctp.h>

#include <string>

#include "tests/component/network/traffic.h"

namespace tests {

inline bool KernelHasSctp() {
  return runtime::UniqueFd(
             socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP))
      .ok();
}

inline bool IsReady(int fd, short event, int patience) {
  pollfd wait{fd, event, 0};
  return poll(&wait, 1, patience) == 1;
}

inline runtime::UniqueFd BoundSctp(const NetNs& ns, const std::string& ip,
                                   uint16_t port) {
  runtime::UniqueFd fd;
  ns.Run(
      [&] { fd = Bound(SOCK_STREAM | SOCK_NONBLOCK, ip, port, IPPROTO_SCTP); });
  return fd;
}

// A server in a namespace.
class SctpServer {
 public:
  explicit SctpServer(const NetNs& ns, uint16_t port = kPort,
                      const std::string& ip = "::")
      : listener_(BoundSctp(ns, ip, port)) {
    EXPECT_EQ(listen(listener_.get(), 16), 0);
  }

  // Has a further address of its namespace.
  void BindToo(const std::string& ip, uint16_t port) {
    const sockaddr_in6 address = SocketAddress(ip, port);
    EXPECT_EQ(setsockopt(listener_.get(), IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD,
                         &address, sizeof address),
              0)
        << ip << " " << port;
  }

  // Answers the first message of the next client with a byte. The client's
  // address, or "" if nobody came or said anything.
  std::string Answer(int patience = kPatience) {
    if (!IsReady(listener_.get(), POLLIN, patience)) return "";
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    connection_.reset(accept4(listener_.get(),
                              reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_CLOEXEC));
    char byte = 0;
    if (!IsReady(connection_.get(), POLLIN, patience) ||
        recv(connection_.get(), &byte, 1, 0) != 1) {
      return "";
    }
    EXPECT_EQ(send(connection_.get(), "y", 1, MSG_NOSIGNAL), 1);
    return AddressText(peer);
  }

 private:
  runtime::UniqueFd listener_, connection_;
};

// A client in a namespace, bound to no address, as most are: it tells the
// server all that it has.
class SctpClient {
 public:
  explicit SctpClient(const NetNs& ns, uint16_t port = 0)
      : socket_(BoundSctp(ns, "::", port)) {}

  // Whether an association opens; if so a byte is sent over it.
  bool Ask(const std::string& ip, uint16_t port, int patience = kPatience) {
    const sockaddr_in6 to = SocketAddress(ip, port);
    connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    return IsReady(socket_.get(), POLLOUT, patience) &&
           send(socket_.get(), "x", 1, MSG_NOSIGNAL) == 1;
  }
  // Whether the server answered.
  bool IsAnswered(int patience = kPatience) {
    char byte = 0;
    return IsReady(socket_.get(), POLLIN, patience) &&
           recv(socket_.get(), &byte, 1, 0) == 1;
  }

 private:
  runtime::UniqueFd socket_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_SCTP_H_
