// SPDX-License-Identifier: Apache-2.0
// Port-forward over WebSocket: channels, and SPDY in a tunnel.
#include <map>

#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_reader.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/forward_fixture.h"
#include "tests/unit/cri/stream/websocket_fixture.h"

namespace cri::stream {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Without a name it is that of v4.
constexpr const char* kLegacy[] = {"v4.channel.k8s.io", ""};
constexpr char kLegacyBase64[] = "v4.base64.channel.k8s.io";

std::string PortBytes(uint16_t port) {
  return {static_cast<char>(port & 255), static_cast<char>(port >> 8)};
}

TEST_F(WebSocketTest, LegacyForwardHasTwoChannelsForEachPort) {
  std::vector<const char*> protocols(std::begin(kLegacy), std::end(kLegacy));
  protocols.push_back(kLegacyBase64);
  for (const char* protocol : protocols) {
    SCOPED_TRACE(protocol);
    Listening one, two;
    WebSocketClient client(
        server_->port(),
        PathOf(ForwardUrl(ForwardHere({one.port(), two.port()}))), protocol);
    EXPECT_EQ(client.chosen(), protocol);
    EXPECT_EQ(client.ReadDecoded(), Channel(0, PortBytes(one.port())));
    EXPECT_EQ(client.ReadDecoded(), Channel(1, PortBytes(one.port())));
    EXPECT_EQ(client.ReadDecoded(), Channel(2, PortBytes(two.port())));
    EXPECT_EQ(client.ReadDecoded(), Channel(3, PortBytes(two.port())));
    client.SendTo(2, "to two");
    EXPECT_EQ(two.Answer(6, std::string("from\0two", 8)), "to two");
    EXPECT_EQ(client.ReadChannel(2, 8), std::string("from\0two", 8));
    client.SendTo(0, std::string("\0\xff one", 6));
    EXPECT_EQ(one.Answer(6, "from one"), std::string("\0\xff one", 6));
    EXPECT_EQ(client.ReadChannel(0, 8), "from one");
  }
}

// To the letter, as a client of old reads it: nothing is before the ports,
// which are their low byte and their high byte.
TEST_F(WebSocketTest, LegacyForwardBeginsWithThePort) {
  uint16_t port = 0;
  {
    Listening gone;
    port = gone.port();
  }
  const struct {
    const char* protocol;
    std::string data, error;
  } rows[] = {
      {"v4.channel.k8s.io", Channel(0, PortBytes(port)),
       Channel(1, PortBytes(port))},
      {"v4.base64.channel.k8s.io", "0" + absl::Base64Escape(PortBytes(port)),
       "1" + absl::Base64Escape(PortBytes(port))}};
  for (const auto& row : rows) {
    WebSocketClient client(
        server_->port(), PathOf(ForwardUrl(ForwardHere({port}))), row.protocol);
    for (const std::string& wanted : {row.data, row.error}) {
      beast::flat_buffer buffer;
      client.socket().read(buffer);
      EXPECT_EQ(beast::buffers_to_string(buffer.data()), wanted);
    }
  }
}

TEST_F(WebSocketTest, LegacyForwardNeedsPorts) {
  EXPECT_THAT(Ask(ForwardUrl(ForwardHere()), "v4.channel.k8s.io"),
              StartsWith("HTTP/1.1 400 "));
}

// A channel's number is one byte, or one digit; each port has two.
TEST_F(WebSocketTest, LegacyForwardHasNoMorePortsThanChannels) {
  const struct {
    const char* protocol;
    size_t ports;
    const char* answer;
  } rows[] = {
      {"v4.channel.k8s.io", 128, "HTTP/1.1 101 "},
      {"v4.channel.k8s.io", 129, "HTTP/1.1 400 "},
      {"v4.base64.channel.k8s.io", 5, "HTTP/1.1 101 "},
      {"v4.base64.channel.k8s.io", 6, "HTTP/1.1 400 "},
  };
  ServerOptions options;
  options.timeouts.goodbye = absl::Milliseconds(10);
  Start(options);
  for (const auto& row : rows) {
    // Port 1 refuses, which ends the session.
    const std::vector<uint16_t> ports(row.ports, 1);
    const std::string answer =
        Ask(ForwardUrl(ForwardHere(ports)), row.protocol);
    EXPECT_THAT(answer, StartsWith(row.answer)) << row.protocol;
    if (answer.find(" 400 ") == std::string::npos) continue;
    EXPECT_THAT(answer,
                HasSubstr(absl::StrCat(
                    row.ports, " ports, but this protocol has channels for ",
                    row.ports - 1, " at most")));
  }
}

TEST_F(WebSocketTest, LegacyForwardTellsFailures) {
  uint16_t port = 0;
  {
    Listening gone;
    port = gone.port();
  }
  for (const char* protocol : {kLegacy[0], kLegacyBase64}) {
    SCOPED_TRACE(protocol);
    WebSocketClient client(server_->port(),
                           PathOf(ForwardUrl(ForwardHere({port}))), protocol);
    client.Read();
    client.Read();
    EXPECT_EQ(client.ReadDecoded(),
              Channel(1, absl::StrCat("port ", port,
                                      " of the pod: connect: Connection "
                                      "refused")));
    EXPECT_EQ(client.CloseCode(), 1000u);
  }
}

// Gathers the data of streams.
class DataSink : public SpdySink {
 public:
  void OnSynStream(uint32_t, bool, Headers) override {}
  void OnData(uint32_t stream, absl::string_view bytes) override {
    data[stream].append(bytes.data(), bytes.size());
  }
  void OnFin(uint32_t) override {}
  void OnRstStream(uint32_t) override {}
  void OnPing(uint32_t) override {}
  void OnGoaway() override {}
  std::map<uint32_t, std::string> data;
};

// Opens connections in the tunnel: its streams are 1 and 3, 5 and 7 and so on.
class Tunnel {
 public:
  explicit Tunnel(WebSocketClient* client) : client_(*client) {}

  // Returns the data stream.
  uint32_t Open(uint16_t port) {
    const std::string text = absl::StrCat(port);
    Write(SynStreamFrame(
        next_, true,
        headers_.Write({{"streamtype", "error"}, {"port", text}})));
    Write(SynStreamFrame(
        next_ + 2, false,
        headers_.Write({{"streamtype", "data"}, {"port", text}})));
    next_ += 4;
    return next_ - 2;
  }
  void Send(uint32_t stream, const std::string& data) {
    Write(DataHeader(stream, false, data.size()) + data);
  }
  // What came on `stream` when that is `size` bytes.
  std::string Read(uint32_t stream, size_t size) {
    while (sink_.data[stream].size() < size) {
      const std::string message = client_.Read();
      if (message.empty() || !reader_.Feed(message).ok()) break;
    }
    return sink_.data[stream];
  }

 private:
  // Where messages begin and end means nothing.
  void Write(const std::string& frame) {
    client_.Send(frame.substr(0, 7));
    client_.Send(frame.substr(7));
  }

  WebSocketClient& client_;
  HeaderWriter headers_;
  uint32_t next_ = 1;
  DataSink sink_;
  SpdyReader reader_{&sink_};
};

TEST_F(WebSocketTest, ForwardsThroughTunnelledSpdy) {
  Listening listening;
  WebSocketClient client(server_->port(), PathOf(ForwardUrl(ForwardHere())),
                         "SPDY/3.1+portforward.k8s.io");
  EXPECT_EQ(client.chosen(), "SPDY/3.1+portforward.k8s.io");
  Tunnel tunnel(&client);
  const uint32_t stream = tunnel.Open(listening.port());
  tunnel.Send(stream, "ping");
  listening.Answer(4, "pong");
  EXPECT_EQ(tunnel.Read(stream, 4), "pong");
}

TEST_F(WebSocketTest, OneStalledConnectionDoesNotEndTheTunnel) {
  ServerOptions options;
  options.timeouts.stall = absl::Milliseconds(20);
  Start(options);
  Listening stalled, served;
  WebSocketClient client(server_->port(), PathOf(ForwardUrl(ForwardHere())),
                         "SPDY/3.1+portforward.k8s.io");
  Tunnel tunnel(&client);
  const uint32_t one = tunnel.Open(stalled.port());
  const uint32_t other = tunnel.Open(served.port());
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) tunnel.Send(one, block);
  tunnel.Send(other, "ping");
  served.Answer(4, "pong");
  EXPECT_EQ(tunnel.Read(other, 4), "pong");
}

}  // namespace
}  // namespace cri::stream
