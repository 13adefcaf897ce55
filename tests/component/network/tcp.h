// SPDX-License-Identifier: Apache-2.0
// Who reaches whom by TCP, between network namespaces.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_TCP_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_TCP_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/netns.h"

namespace tests {

inline constexpr uint16_t kPort = 8080;

inline sockaddr_in SocketAddress(const std::string& ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

// A TCP server in a namespace, and who connected to it last.
class Server {
 public:
  explicit Server(const NetNs& ns) {
    ns.Run([this] {
      listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in any = SocketAddress("0.0.0.0", kPort);
      EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any),
                     sizeof any),
                0);
      EXPECT_EQ(listen(listener_.get(), 16), 0);
    });
  }

  // The peer's address, or "" if nobody came.
  std::string Accept() {
    pollfd wait{listener_.get(), POLLIN, 0};
    if (poll(&wait, 1, 5000) != 1) return "";
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const runtime::UniqueFd connection(
        accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                SOCK_CLOEXEC));
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
    return text;
  }

 private:
  runtime::UniqueFd listener_;
};

// Whether a TCP connection to `ip` opens (or is refused by a living host, if
// `refused_counts`), from the calling thread's namespace.
inline bool Connects(const std::string& ip, bool refused_counts = false) {
  const runtime::UniqueFd fd(
      socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in to = SocketAddress(ip, kPort);
  connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  pollfd wait{fd.get(), POLLOUT, 0};
  if (poll(&wait, 1, 5000) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 || (refused_counts && error == ECONNREFUSED);
}

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_TCP_H_
