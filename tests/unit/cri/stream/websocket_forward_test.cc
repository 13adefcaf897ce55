// SPDX-License-Identifier: Apache-2.0
// Port-forward over WebSocket: channels, and SPDY in a tunnel.
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_reader.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/websocket_client.h"

namespace cri::stream {
namespace {

using runtime::UniqueFd;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A server on loopback that answers one request of one connection.
class Listening {
 public:
  Listening() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_.get(), plain, size), 0);
    EXPECT_EQ(listen(fd_.get(), 8), 0);
    EXPECT_EQ(getsockname(fd_.get(), plain, &size), 0);
    port = ntohs(address.sin_port);
  }
  void Answer(size_t request, const std::string& answer) {
    const UniqueFd socket(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string got(request, '\0');
    EXPECT_EQ(recv(socket.get(), got.data(), request, MSG_WAITALL),
              static_cast<ssize_t>(request));
    EXPECT_EQ(write(socket.get(), answer.data(), answer.size()),
              static_cast<ssize_t>(answer.size()));
  }
  uint16_t port = 0;

 private:
  UniqueFd fd_;
};

TEST_F(WebSocketTest, LegacyForwardHasTwoChannelsForEachPort) {
  Listening one, two;
  WebSocketClient client(server_->port(),
                         PathOf(ForwardUrl(ForwardHere({one.port, two.port}))),
                         "v4.channel.k8s.io");
  const auto port_bytes = [](uint16_t port) {
    return std::string{static_cast<char>(port & 255),
                       static_cast<char>(port >> 8)};
  };
  EXPECT_EQ(client.Read(), Channel(0, port_bytes(one.port)));
  EXPECT_EQ(client.Read(), Channel(1, port_bytes(one.port)));
  EXPECT_EQ(client.Read(), Channel(2, port_bytes(two.port)));
  EXPECT_EQ(client.Read(), Channel(3, port_bytes(two.port)));
  client.Send(Channel(2, "to two"));
  two.Answer(6, "from two");
  EXPECT_EQ(client.ReadChannel(2, 8), "from two");
  client.Send(Channel(0, "to one"));
  one.Answer(6, "from one");
  EXPECT_EQ(client.ReadChannel(0, 8), "from one");
}

TEST_F(WebSocketTest, LegacyForwardNeedsPorts) {
  EXPECT_THAT(Ask(ForwardUrl(ForwardHere()), "v4.channel.k8s.io"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(WebSocketTest, LegacyForwardTellsFailures) {
  uint16_t port = 0;
  {
    Listening gone;
    port = gone.port;
  }
  WebSocketClient client(server_->port(),
                         PathOf(ForwardUrl(ForwardHere({port}))),
                         "v4.channel.k8s.io");
  client.Read();
  client.Read();
  EXPECT_THAT(client.Read(), HasSubstr("Connection refused"));
  EXPECT_EQ(client.CloseCode(), 1000u);
}

// Gathers the data of one stream.
class DataSink : public SpdySink {
 public:
  void OnSynStream(uint32_t, bool, Headers) override {}
  void OnData(uint32_t stream, absl::string_view bytes) override {
    if (stream == 3) data.append(bytes.data(), bytes.size());
  }
  void OnFin(uint32_t) override {}
  void OnRstStream(uint32_t) override {}
  void OnPing(uint32_t) override {}
  void OnGoaway() override {}
  std::string data;
};

TEST_F(WebSocketTest, ForwardsThroughTunnelledSpdy) {
  Listening listening;
  WebSocketClient client(server_->port(), PathOf(ForwardUrl(ForwardHere())),
                         "SPDY/3.1+portforward.k8s.io");
  EXPECT_EQ(client.chosen(), "SPDY/3.1+portforward.k8s.io");
  HeaderWriter writer;
  const std::string port = absl::StrCat(listening.port);
  std::string bytes = SynStreamFrame(
      1, true, writer.Write({{"streamtype", "error"}, {"port", port}}));
  bytes += SynStreamFrame(
      3, false, writer.Write({{"streamtype", "data"}, {"port", port}}));
  bytes += DataHeader(3, false, 4) + "ping";
  // Where messages begin and end means nothing.
  for (size_t i = 0; i < bytes.size(); i += 7) client.Send(bytes.substr(i, 7));
  listening.Answer(4, "pong");
  DataSink sink;
  SpdyReader reader(&sink);
  while (sink.data.size() < 4) {
    const std::string message = client.Read();
    ASSERT_FALSE(message.empty());
    ASSERT_TRUE(reader.Feed(message).ok());
  }
  EXPECT_EQ(sink.data, "pong");
}

}  // namespace
}  // namespace cri::stream
