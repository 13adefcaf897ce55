// SPDX-License-Identifier: Apache-2.0
// A WebSocket client of the streaming server, of Boost.Beast.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_CLIENT_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_CLIENT_H_

#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

class WebSocketClient {
 public:
  WebSocketClient(int port, const std::string& path,
                  const std::string& protocol)
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
  boost::system::error_code error_;
  std::string chosen_;
};

class WebSocketTest : public StreamTest {
 protected:
  WebSocketTest() { Start(); }

  std::unique_ptr<WebSocketClient> Connect(ProcessRequest request,
                                           const std::string& protocol) {
    return std::make_unique<WebSocketClient>(
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

// A message of a channel.
inline std::string Channel(int channel, absl::string_view data) {
  return absl::StrCat(std::string(1, static_cast<char>(channel)), data);
}

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_CLIENT_H_
