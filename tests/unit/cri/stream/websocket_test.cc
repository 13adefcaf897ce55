// SPDX-License-Identifier: Apache-2.0
// The WebSocket protocols, by a client of Boost.Beast.
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_reader.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Error = boost::system::error_code;
using runtime::UniqueFd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Client {
 public:
  Client(int port, const std::string& path, const std::string& protocol)
      : socket_(io_) {
    socket_.next_layer().connect(asio::ip::tcp::endpoint(
        asio::ip::address_v4::loopback(), static_cast<uint16_t>(port)));
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    setsockopt(socket_.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO,
               &patience, sizeof patience);
    if (!protocol.empty()) {
      socket_.set_option(websocket::stream_base::decorator(
          [protocol](websocket::request_type& request) {
            request.set(beast::http::field::sec_websocket_protocol, protocol);
          }));
    }
    websocket::response_type response;
    socket_.handshake(response, "h", path, error_);
    chosen_ = std::string(response[beast::http::field::sec_websocket_protocol]);
    socket_.binary(protocol.find("base64") == std::string::npos);
  }

  const std::string& chosen() const { return chosen_; }

  void Send(const std::string& message) {
    socket_.write(asio::buffer(message), error_);
  }
  // The next message that is not empty of data; "" at the end.
  std::string Read() {
    while (true) {
      beast::flat_buffer buffer;
      socket_.read(buffer, error_);
      if (error_) return "";
      std::string message = beast::buffers_to_string(buffer.data());
      if (message.size() > 1) return message;
    }
  }
  // Whole messages of a channel until `size` bytes are there.
  std::string ReadChannel(char channel, size_t size) {
    std::string all;
    while (all.size() < size) {
      const std::string message = Read();
      if (message.empty()) break;
      EXPECT_EQ(message[0], channel);
      all += message.substr(1);
    }
    return all;
  }
  unsigned CloseCode() {
    Read();
    return socket_.reason().code;
  }
  void Ping() { socket_.ping({}, error_); }
  websocket::stream<asio::ip::tcp::socket>& socket() { return socket_; }

 private:
  asio::io_context io_;
  websocket::stream<asio::ip::tcp::socket> socket_;
  Error error_;
  std::string chosen_;
};

class WebSocketTest : public StreamTest {
 protected:
  WebSocketTest() { Start(); }

  std::unique_ptr<Client> Connect(ProcessRequest request,
                                  const std::string& protocol) {
    return std::make_unique<Client>(
        server_->port(), PathOf(ProcessUrl(std::move(request))), protocol);
  }

  // The answer to an upgrade that is refused.
  std::string Ask(const std::string& url, const std::string& protocol) {
    RawClient client(server_->port());
    client.Write(
        absl::StrCat("GET ", PathOf(url),
                     " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     "Sec-WebSocket-Protocol: ",
                     protocol, "\r\n\r\n"));
    return client.ReadToEnd();
  }
};

std::string Channel(int channel, absl::string_view data) {
  return absl::StrCat(std::string(1, static_cast<char>(channel)), data);
}

TEST_F(WebSocketTest, V5MovesBytesAndClosesInput) {
  const auto client = Connect(Exec(true, true, true), "v5.channel.k8s.io");
  EXPECT_EQ(client->chosen(), "v5.channel.k8s.io");
  process_->AwaitOpen();
  client->Send(Channel(0, "question"));
  client->Send(std::string("\xff\0", 2));
  EXPECT_EQ(process_->ReadAll(), "question");
  process_->Print("answer");
  EXPECT_EQ(client->Read(), Channel(1, "answer"));
  process_->Complain("but");
  EXPECT_EQ(client->Read(), Channel(2, "but"));
  process_->Exit(0);
  EXPECT_EQ(client->Read(),
            Channel(3, R"({"metadata":{},"status":"Success"})"));
  EXPECT_EQ(client->CloseCode(), 1000u);
  process_->AwaitDrop();
}

TEST_F(WebSocketTest, EveryProtocolTellsTheExitCode) {
  const struct {
    const char* protocol;
    bool json;
    bool base64;
  } rows[] = {
      {"v5.channel.k8s.io", true, false},
      {"v4.channel.k8s.io", true, false},
      {"v4.base64.channel.k8s.io", true, true},
      {"channel.k8s.io", false, false},
      {"base64.channel.k8s.io", false, true},
      {"", false, false},
  };
  for (const auto& row : rows) {
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), row.protocol);
    EXPECT_EQ(client->chosen(), row.protocol);
    process_->AwaitOpen();
    client->Send(row.base64 ? "0aGk=" : Channel(0, "hi"));
    EXPECT_EQ(process_->Read(2), "hi") << row.protocol;
    process_->Print("yes");
    EXPECT_EQ(client->Read(), row.base64 ? "1eWVz" : Channel(1, "yes"));
    process_->Exit(3);
    const std::string status = client->Read();
    ASSERT_FALSE(status.empty()) << row.protocol;
    EXPECT_EQ(status[0], row.base64 ? '3' : '\3');
    if (!row.base64) {
      EXPECT_EQ(status.find("NonZeroExitCode") != std::string::npos, row.json)
          << row.protocol;
      EXPECT_THAT(status, HasSubstr("non-zero exit code: 3"));
    }
    EXPECT_EQ(client->CloseCode(), 1000u) << row.protocol;
  }
}

TEST_F(WebSocketTest, UnknownProtocolsAreForbidden) {
  EXPECT_THAT(
      Ask(ProcessUrl(Exec(true, true, true)), "v9.channel.k8s.io"),
      AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("v5.channel.k8s.io")));
}

TEST_F(WebSocketTest, FirstAnEmptyMessageOnTheLowestOutput) {
  const auto client = Connect(Exec(true, false, true), "v4.channel.k8s.io");
  beast::flat_buffer buffer;
  client->socket().read(buffer);
  EXPECT_EQ(beast::buffers_to_string(buffer.data()), Channel(2, ""));
}

TEST_F(WebSocketTest, ATerminalIsResized) {
  const auto client =
      Connect(Exec(true, true, false, true), "v4.channel.k8s.io");
  client->Send(Channel(4, R"({"Width":80,"Height":24})"));
  process_->AwaitResizes(1);
}

TEST_F(WebSocketTest, PingsAreAnswered) {
  const auto client = Connect(Exec(true, true, false), "v5.channel.k8s.io");
  process_->AwaitOpen();
  bool pong = false;
  client->socket().control_callback(
      [&](websocket::frame_type type, beast::string_view) {
        pong = pong || type == websocket::frame_type::pong;
      });
  client->Ping();
  client->Send(Channel(0, "x"));  // is behind the ping
  EXPECT_EQ(process_->Read(1), "x");
  process_->Print("y");
  EXPECT_EQ(client->Read(), Channel(1, "y"));
  EXPECT_TRUE(pong);
}

// Its own pings lie behind the input and cannot be answered.
TEST_F(WebSocketTest, AClientWhoseInputHasToWaitSeesSignsOfLife) {
  ServerOptions options;
  options.timeouts.pong = absl::Milliseconds(10);
  Start(options);
  const auto client = Connect(Exec(true, true, false), "v5.channel.k8s.io");
  process_->AwaitOpen();
  int pongs = 0;
  client->socket().control_callback(
      [&](websocket::frame_type type, beast::string_view) {
        if (type == websocket::frame_type::pong && ++pongs == 3) {
          process_->Print("y");
        }
      });
  const std::string input(600 << 10, 'x');
  client->Send(Channel(0, input));
  EXPECT_EQ(client->Read(), Channel(1, "y"));
  EXPECT_GE(pongs, 3);
  EXPECT_EQ(process_->Read(input.size()), input);
}

TEST_F(WebSocketTest, AClientThatLeavesEndsTheExec) {
  for (const bool good_bye : {true, false}) {
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), "v5.channel.k8s.io");
    process_->AwaitOpen();
    Error ignored;  // only the server's side counts
    if (good_bye) {
      client->socket().close(websocket::close_code::normal, ignored);
    } else {
      client->socket().next_layer().close(ignored);
    }
    process_->AwaitDrop();
  }
}

TEST_F(WebSocketTest, WhatIsNotTheProtocolEndsTheSession) {
  const auto client =
      Connect(Exec(true, true, true), "v4.base64.channel.k8s.io");
  process_->AwaitOpen();
  client->Send("0*not base64*");
  process_->AwaitDrop();
}

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
  Client client(server_->port(),
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
  Client client(server_->port(), PathOf(ForwardUrl(ForwardHere({port}))),
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
  Client client(server_->port(), PathOf(ForwardUrl(ForwardHere())),
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
