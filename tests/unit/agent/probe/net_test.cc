// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/net.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"

namespace agent::probe {
namespace {

using runtime::Json;
using testing::HasSubstr;
using tests::IsOk;

// Listens on a port of 127.0.0.1; answers one connection with `reply`.
class Listener {
 public:
  explicit Listener(std::string reply = "")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_.get(), 4);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (reply.empty()) return;
    thread_ = std::thread([this, reply] {
      runtime::UniqueFd peer(accept(fd_.get(), nullptr, nullptr));
      char buffer[4096];
      ssize_t n = read(peer.get(), buffer, sizeof(buffer));
      request_.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
      (void)!write(peer.get(), reply.data(), reply.size());
    });
  }
  ~Listener() {
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }
  // After the answer.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  runtime::UniqueFd fd_;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

TEST(NetTest, PortsByNumberAndName) {
  Json container = {
      {"ports", Json::array({{{"name", "web"}, {"containerPort", 8080}}})}};
  EXPECT_EQ(*ResolvePort(80, container), 80);
  EXPECT_EQ(*ResolvePort("80", container), 80);
  EXPECT_EQ(*ResolvePort("web", container), 8080);
  EXPECT_FALSE(ResolvePort("nope", container).ok());
  EXPECT_FALSE(ResolvePort(0, container).ok());
  EXPECT_FALSE(ResolvePort(70000, container).ok());
}

TEST(NetTest, HttpAnswersBelow400AreHealthy) {
  struct Row {
    const char* reply;
    bool ok;
  } rows[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
              {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", true},
              {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false}};
  for (const Row& row : rows) {
    Listener listener(row.reply);
    Json action = {
        {"port", listener.port()},
        {"path", "/healthz"},
        {"httpHeaders", Json::array({{{"name", "X-A"}, {"value", "b"}}})}};
    absl::Status status =
        HttpGet(action, Json(), "127.0.0.1", absl::Seconds(10));
    EXPECT_EQ(status.ok(), row.ok) << status;
    EXPECT_THAT(listener.request(), HasSubstr("GET /healthz HTTP/1.1"));
    EXPECT_THAT(listener.request(), HasSubstr("User-Agent: kube-probe/"));
    EXPECT_THAT(listener.request(), HasSubstr("X-A: b"));
    if (!row.ok) {
      EXPECT_EQ(status.message(), "HTTP probe failed with statuscode: 404");
    }
  }
}

TEST(NetTest, TcpNeedsAListener) {
  int port = 0;
  {
    Listener listener;
    port = listener.port();
    EXPECT_THAT(
        TcpConnect({{"port", port}}, Json(), "127.0.0.1", absl::Seconds(10)),
        IsOk());
  }
  EXPECT_THAT(
      TcpConnect({{"port", port}}, Json(), "127.0.0.1", absl::Seconds(10))
          .message(),
      HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace agent::probe
