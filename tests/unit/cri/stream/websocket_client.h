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

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

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
    base64_ = protocol.find("base64") != std::string::npos;
    socket_.binary(!base64_);
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
  // The same in the format of the protocol: data of a channel, as one message,
  // and the next message as Channel() writes it; "" at the end, or if it is not
  // of this format.
  void SendTo(int channel, const std::string& data) {
    const char first = static_cast<char>(base64_ ? '0' + channel : channel);
    Send(std::string(1, first) + (base64_ ? absl::Base64Escape(data) : data));
  }
  std::string ReadDecoded() {
    std::string message = Read();
    if (message.empty()) return "";
    EXPECT_EQ(socket_.got_text(), base64_);
    if (!base64_) return message;
    std::string data;
    const bool good = message[0] >= '0' && message[0] <= '9' &&
                      absl::Base64Unescape(message.substr(1), &data);
    EXPECT_TRUE(good) << message;
    return good ? std::string(1, static_cast<char>(message[0] - '0')) + data
                : "";
  }
  // Whole messages of a channel until `size` bytes are there.
  std::string ReadChannel(char channel, size_t size) {
    std::string all;
    while (all.size() < size) {
      const std::string message = ReadDecoded();
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
  bool base64_ = false;
};

// A message of a channel.
inline std::string Channel(int channel, absl::string_view data) {
  return absl::StrCat(std::string(1, static_cast<char>(channel)), data);
}

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_CLIENT_H_
