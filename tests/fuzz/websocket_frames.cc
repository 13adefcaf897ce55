// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: what a client sends after the upgrade to WebSocket, frame
// by frame, to a session's channels and to the tunnel of a port-forward.
// Whatever comes, no more data is told than came, and the session hears of its
// end.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cri/stream/channel_link.h"
#include "cri/stream/websocket.h"
#include "cri/stream/websocket_tunnel.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// A client that has sent all it will send.
class Client : public ByteStream {
 public:
  Client(asio::io_context& io, absl::string_view sent, size_t piece)
      : io_(io), left_(sent), piece_(piece) {}

  asio::io_context& io() override { return io_; }
  void WriteAll(const ConstBuffers& buffers, Handler handler) override {
    const size_t size = asio::buffer_size(buffers);
    asio::post(io_,
               [size, handler = std::move(handler)] { handler({}, size); });
  }
  void ShutdownWrite() override {}
  void Close() override { left_ = {}; }
  bool PeerIsGone() override { return left_.empty(); }

 protected:
  void DoReadSome(asio::mutable_buffer buffer, Handler handler) override {
    const size_t n = std::min({piece_, buffer.size(), left_.size()});
    if (n > 0) memcpy(buffer.data(), left_.data(), n);
    left_.remove_prefix(n);
    asio::post(io_, [n, handler = std::move(handler)] {
      handler(n > 0 ? Error() : Error(asio::error::eof), n);
    });
  }

 private:
  asio::io_context& io_;
  absl::string_view left_;
  const size_t piece_;
};

// A session that cannot take much at a time.
class Session : public LinkUser {
 public:
  explicit Session(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  bool OnStream(StreamId, const Headers&) override { return true; }
  void OnData(StreamId id, absl::string_view data) override {
    told_ += data.size();
    link_->Send(id, "ok", nullptr);
    link_->Hold();
    link_->Release();
  }
  void OnEnd(StreamId) override {}
  void OnReset(StreamId) override {}
  void OnStopping(const absl::Status&) override {}
  void OnClosed() override { closed_ = true; }

  size_t told() const { return told_; }
  bool closed() const { return closed_; }

 private:
  const std::shared_ptr<Link> link_;
  size_t told_ = 0;
  bool closed_ = false;
};

HttpRequest Upgrade() {
  HttpRequest request(http::verb::get, "/exec/token", 11);
  request.set(http::field::host, "h");
  request.set(http::field::connection, "Upgrade");
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, "AAAAAAAAAAAAAAAAAAAAAA==");
  return request;
}

// Runs what can run; timers of seconds do not.
void Drain(asio::io_context& io) {
  while (io.poll() > 0) {
  }
}

std::shared_ptr<WebSocket> Accepted(asio::io_context& io,
                                    absl::string_view frames, size_t piece) {
  auto socket = WebSocket::Make(std::make_shared<Client>(io, frames, piece),
                                absl::Seconds(10));
  bool accepted = false;
  const HttpRequest request = Upgrade();
  socket->Accept(request, "v5.channel.k8s.io",
                 [&](const Error& error) { accepted = !error; });
  Drain(io);
  if (!accepted) __builtin_trap();
  return socket;
}

void FuzzChannels(absl::string_view frames, size_t piece,
                  ChannelFormat format) {
  asio::io_context io;
  auto link = std::make_shared<ChannelLink>(Accepted(io, frames, piece), format,
                                            absl::Seconds(15));
  auto session = std::make_shared<Session>(link);
  link->Start(session);
  io.restart();
  Drain(io);
  if (!session->closed() || session->told() > frames.size()) __builtin_trap();
}

void FuzzTunnel(absl::string_view frames, size_t piece) {
  asio::io_context io;
  const auto tunnel = MakeWebSocketTunnel(Accepted(io, frames, piece));
  std::vector<char> buffer(64);
  size_t told = 0;
  bool ended = false;
  std::function<void()> read = [&] {
    tunnel->ReadSome(asio::buffer(buffer), [&](const Error& error, size_t n) {
      told += n;
      ended = static_cast<bool>(error);
      if (!ended) read();
    });
  };
  io.restart();
  read();
  Drain(io);
  if (!ended || told > frames.size()) __builtin_trap();
}

}  // namespace
}  // namespace cri::stream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 64;
  const absl::string_view frames(reinterpret_cast<const char*>(data) + 1,
                                 size - 1);
  cri::stream::FuzzChannels(frames, piece, {});
  cri::stream::FuzzChannels(frames, piece, {.half_close = true});
  cri::stream::FuzzChannels(frames, piece, {.base64 = true});
  cri::stream::FuzzTunnel(frames, piece);
  return 0;
}
