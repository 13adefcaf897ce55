// SPDX-License-Identifier: Apache-2.0
// Port-forward over SPDY, to servers of the test.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_FORWARD_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_FORWARD_FIXTURE_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/unique_fd.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {

// Listens on a loopback address of `family`.
class Listening {
 public:
  explicit Listening(int family = AF_INET)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4)
                                      : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    ok_ = bind(fd_.get(), address, size) == 0 && listen(fd_.get(), 256) == 0;
    getsockname(fd_.get(), address, &size);
    port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
  }
  bool ok() const { return ok_; }
  uint16_t port() const { return port_; }
  runtime::UniqueFd Accept() {
    return runtime::UniqueFd(
        accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  // Answers one request of one connection, and returns it.
  std::string Answer(size_t request, const std::string& answer) {
    const runtime::UniqueFd socket = Accept();
    std::string got(request, '\0');
    EXPECT_EQ(recv(socket.get(), got.data(), request, MSG_WAITALL),
              static_cast<ssize_t>(request));
    EXPECT_EQ(write(socket.get(), answer.data(), answer.size()),
              static_cast<ssize_t>(answer.size()));
    return got;
  }
  void Close() { fd_.reset(); }

 private:
  runtime::UniqueFd fd_;
  bool ok_ = false;
  uint16_t port_ = 0;
};

inline std::string ReadToEnd(const runtime::UniqueFd& socket) {
  std::string all;
  char bytes[4096];
  ssize_t n;
  while ((n = read(socket.get(), bytes, sizeof bytes)) > 0) {
    all.append(bytes, static_cast<size_t>(n));
  }
  return all;
}

class ForwardTest : public StreamTest {
 protected:
  struct Pair {
    uint32_t error, data;
  };

  ForwardTest() { Connect(); }

  void Connect(const ServerOptions& options = {}) {
    client_ = nullptr;
    Start(options);
    client_ = std::make_unique<SpdyClient>(server_->port(),
                                           PathOf(ForwardUrl(ForwardHere())),
                                           "portforward.k8s.io");
  }

  Pair Open(uint16_t port, const std::string& request = "") {
    Headers headers = {{"streamtype", "error"}, {"port", absl::StrCat(port)}};
    if (!request.empty()) headers.emplace_back("requestid", request);
    Pair pair;
    pair.error = client_->Open(headers, true);
    headers[0].second = "data";
    pair.data = client_->Open(headers);
    return pair;
  }

  std::unique_ptr<SpdyClient> client_;
};

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_FORWARD_FIXTURE_H_
