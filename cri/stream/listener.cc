// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/listener.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
using runtime::UniqueFd;

constexpr int kBacklog = 1024;

// asio's own sockets would be inherited by children.
absl::StatusOr<UniqueFd> ListenOn(const tcp::endpoint& endpoint) {
  const std::string what = absl::StrCat(endpoint.address().to_string(), ":",
                                        endpoint.port(), ": streaming server");
  UniqueFd fd(socket(endpoint.protocol().family(),
                     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return runtime::ErrnoStatus("socket for " + what);
  const int one = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(fd.get(), endpoint.data(),
           static_cast<socklen_t>(endpoint.size())) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return runtime::ErrnoStatus("listen on " + what);
  }
  return fd;
}

// The host itself reaches what listens everywhere by its loopback.
std::string HostAndPort(const asio::ip::address& address, int port) {
  if (address.is_v4()) {
    return absl::StrCat(
        address.is_unspecified() ? "127.0.0.1" : address.to_string(), ":",
        port);
  }
  return absl::StrCat(
      "[", address.is_unspecified() ? "::1" : address.to_string(), "]:", port);
}

absl::Status SslError(absl::string_view what) {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(
    asio::io_context& io, const std::string& address, int port) {
  Error error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("streaming server: \"", address, "\" is not an IP"));
  }
  const tcp::endpoint endpoint(ip, static_cast<uint16_t>(port));
  ASSIGN_OR_RETURN(UniqueFd fd, ListenOn(endpoint));
  std::unique_ptr<Listener> listener(new Listener(io));
  listener->acceptor_.assign(endpoint.protocol(), fd.get(), error);
  if (error) {
    return absl::InternalError(
        absl::StrCat("watch the streaming socket: ", error.message()));
  }
  fd.release();
  listener->port_ = listener->acceptor_.local_endpoint(error).port();
  listener->host_and_port_ = HostAndPort(ip, listener->port_);
  return listener;
}

void Listener::Accept(Handler handler) {
  handler_ = std::move(handler);
  Wait();
}

void Listener::Close() {
  Error ignored;  // nobody is served any more
  acceptor_.close(ignored);
  retry_.cancel();
}

void Listener::Wait() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const Error& error) {
    if (!error) AcceptAll();
  });
}

void Listener::AcceptAll() {
  while (true) {
    UniqueFd client(accept4(acceptor_.native_handle(), nullptr, nullptr,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.ok()) {
      if (Adopt(client.get())) client.release();
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return Wait();
    // Out of descriptors or memory: the socket stays readable, so wait.
    runtime::log::Warning(
        runtime::ErrnoStatus("streaming server: accept").message());
    retry_.expires_after(std::chrono::milliseconds(500));
    retry_.async_wait([this](const Error& error) {
      if (!error) Wait();
    });
    return;
  }
}

bool Listener::Adopt(int client) {
  tcp::socket socket(io_);
  Error error;
  socket.assign(acceptor_.local_endpoint(error).protocol(), client, error);
  if (error) return false;
  socket.set_option(tcp::no_delay(true), error);  // only costs latency
  // A peer that vanished without a word is noticed in the end.
  socket.set_option(asio::socket_base::keep_alive(true), error);
  handler_(std::move(socket));
  return true;
}

absl::StatusOr<std::shared_ptr<asio::ssl::context>> LoadTls(
    const std::string& cert_file, const std::string& key_file) {
  auto context =
      std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* ssl = context->native_handle();
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(ssl, cert_file.c_str()) != 1) {
    return SslError("stream_tls_cert_file: read " + cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(ssl, key_file.c_str(), SSL_FILETYPE_PEM) !=
      1) {
    return SslError("stream_tls_key_file: read " + key_file);
  }
  return context;
}

}  // namespace cri::stream
