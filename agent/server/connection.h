// SPDX-License-Identifier: Apache-2.0
// One client: TLS handshake, requests one after another, their responses.
// Belongs to the thread of its I/O context; kept alive by what it waits for.
#ifndef CORACLE_AGENT_SERVER_CONNECTION_H_
#define CORACLE_AGENT_SERVER_CONNECTION_H_

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/server/auth.h"
#include "agent/server/handlers.h"
#include "agent/server/http.h"
#include "agent/server/log_watcher.h"
#include "agent/server/server.h"
#include "agent/server/tls.h"

namespace agent::server {

class Connection;

// What connections need of the server. Called on the I/O thread; outlives
// them.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual boost::asio::io_context& io() = 0;
  virtual LogWatcher& watcher() = 0;
  virtual const Timeouts& timeouts() = 0;
  // Handles `request` on the executor and calls `done` on the I/O thread.
  virtual void Handle(Request request, ClientCertificate certificate,
                      std::function<void(Answer)> done) = 0;
  // Runs `work` on the executor, then `done` on the I/O thread.
  virtual void Block(std::function<void()> work,
                     std::function<void()> done) = 0;
  virtual void Forget(Connection* connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionHost* host, boost::asio::ip::tcp::socket socket,
             std::shared_ptr<TlsContext> tls, std::string peer);

  void Start();
  // Ends it now; pending operations fail.
  void Close();
  bool closed() const { return closed_; }

  ConnectionHost& host() { return *host_; }

  // For a response whose length nobody knows. After BeginStream, one Write at a
  // time; `done` gets false if the client is gone. `on_gone` is called if the
  // client leaves between writes. EndStream closes the connection.
  void BeginStream(std::function<void()> on_gone,
                   std::function<void(bool)> done);
  void Write(std::string data, std::function<void(bool)> done);
  void EndStream();

 private:
  using Stream = boost::beast::ssl_stream<boost::beast::tcp_stream>;
  using Parser =
      boost::beast::http::request_parser<boost::beast::http::string_body>;

  void OnHandshake();
  void ReadRequest(absl::Duration limit);
  void OnRequest();
  void OnBadRequest(const boost::system::error_code& error);
  void OnAnswer(Answer answer);
  void Respond(const Response& response, bool keep_alive);
  void Send(std::string bytes, std::function<void(bool)> done);
  void WatchForEnd();
  void Finish();

  ConnectionHost* const host_;
  const std::shared_ptr<TlsContext> tls_;
  const std::string peer_;
  Stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  ClientCertificate certificate_;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool chunked_ = true;
  bool closed_ = false;
  std::string out_;
  std::array<char, 1024> ignored_;
  size_t ignored_total_ = 0;
  std::function<void()> on_gone_;
};

// Streams `answer`'s log to the connection until its end.
void StreamLog(std::shared_ptr<Connection> connection, Answer answer);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_CONNECTION_H_
