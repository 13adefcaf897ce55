// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/byte_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

bool PeerHasClosed(tcp::socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info,
                    &size) != 0 ||
         info.tcpi_state != TCP_ESTABLISHED;
}

// `Stream` is the socket itself or TLS over it.
template <typename Stream>
class SocketStream : public ByteStream {
 public:
  template <typename... Args>
  SocketStream(asio::io_context& io, Args&&... args)
      : io_(io), stream_(std::forward<Args>(args)...) {}

  asio::io_context& io() override { return io_; }

  void WriteAll(const ConstBuffers& buffers, Handler handler) override {
    asio::async_write(
        stream_, buffers,
        [self = shared_from_this(), this, handler = std::move(handler)](
            const Error& error, size_t n) {
          Touch();
          handler(error, n);
        });
  }

  void Close() override {
    Error ignored;  // closed is closed
    stream_.lowest_layer().close(ignored);
  }

  bool PeerIsGone() override { return PeerHasClosed(Socket()); }

 protected:
  void DoReadSome(asio::mutable_buffer buffer, Handler handler) override {
    stream_.async_read_some(
        buffer, [self = shared_from_this(), this, handler = std::move(handler)](
                    const Error& error, size_t n) {
          Touch();
          handler(error, n);
        });
  }

  tcp::socket& Socket() {
    return static_cast<tcp::socket&>(stream_.lowest_layer());
  }

  asio::io_context& io_;
  Stream stream_;
};

class PlainStream : public SocketStream<tcp::socket> {
 public:
  using SocketStream::SocketStream;
  void ShutdownWrite() override {
    Error ignored;  // a peer that is gone needs no end
    stream_.shutdown(tcp::socket::shutdown_send, ignored);
  }
};

class TlsStream : public SocketStream<asio::ssl::stream<tcp::socket>> {
 public:
  TlsStream(asio::io_context& io, tcp::socket socket,
            std::shared_ptr<asio::ssl::context> tls)
      : SocketStream(io, std::move(socket), *tls), tls_(std::move(tls)) {}

  // TLS has an end of its own, beside which reading goes on.
  void ShutdownWrite() override {
    stream_.async_shutdown([self = shared_from_this()](const Error&) {});
  }

 protected:
  void DoReadSome(asio::mutable_buffer buffer, Handler handler) override {
    if (std::exchange(greeted_, true)) {
      return SocketStream::DoReadSome(buffer, std::move(handler));
    }
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this(), this, buffer,
                             handler = std::move(handler)](const Error& error) {
                              if (error) return handler(error, 0);
                              SocketStream::DoReadSome(buffer, handler);
                            });
  }

 private:
  const std::shared_ptr<asio::ssl::context> tls_;
  bool greeted_ = false;
};

}  // namespace

void ByteStream::Touch() { last_activity_ = absl::Now(); }

void ByteStream::CloseAfter(absl::Duration delay) {
  closing_ = std::make_unique<asio::steady_timer>(io());
  closing_->expires_after(absl::ToChronoNanoseconds(delay));
  closing_->async_wait([self = weak_from_this()](const Error& error) {
    const auto stream = self.lock();
    if (!error && stream != nullptr) stream->Close();
  });
}

void ByteStream::ReadSome(asio::mutable_buffer buffer, Handler handler) {
  if (unread_.empty()) return DoReadSome(buffer, std::move(handler));
  const size_t n = std::min(buffer.size(), unread_.size());
  memcpy(buffer.data(), unread_.data(), n);
  unread_.erase(0, n);
  asio::post(io(), [handler = std::move(handler), n] { handler(Error(), n); });
}

std::shared_ptr<ByteStream> MakeSocketStream(
    tcp::socket socket, std::shared_ptr<asio::ssl::context> tls) {
  auto& io = static_cast<asio::io_context&>(socket.get_executor().context());
  if (tls == nullptr) {
    return std::make_shared<PlainStream>(io, std::move(socket));
  }
  return std::make_shared<TlsStream>(io, std::move(socket), std::move(tls));
}

}  // namespace cri::stream
