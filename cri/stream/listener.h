// SPDX-License-Identifier: Apache-2.0
// The listening socket of the streaming server, and its certificate.
#ifndef CORACLE_CRI_STREAM_LISTENER_H_
#define CORACLE_CRI_STREAM_LISTENER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cri::stream {

class Listener {
 public:
  using Handler = std::function<void(boost::asio::ip::tcp::socket)>;

  // `address` is an IP.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(
      boost::asio::io_context& io, const std::string& address, int port);

  // Hands on every client, on the I/O thread.
  void Accept(Handler handler);
  void Close();

  int port() const { return port_; }
  // How a client of this host reaches it ("[::1]:1234").
  const std::string& host_and_port() const { return host_and_port_; }

 private:
  explicit Listener(boost::asio::io_context& io)
      : io_(io), acceptor_(io), retry_(io) {}

  void Wait();
  void AcceptAll();
  bool Adopt(int client);

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  Handler handler_;
  int port_ = 0;
  std::string host_and_port_;
};

// A context that speaks TLS 1.2 and later, and HTTP/1.1 alone.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> LoadTls(
    const std::string& cert_file, const std::string& key_file);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_LISTENER_H_
