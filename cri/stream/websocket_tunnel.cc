// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/websocket_tunnel.h"

#include <utility>

namespace cri::stream {
namespace {

class WebSocketTunnel : public ByteStream {
 public:
  explicit WebSocketTunnel(std::shared_ptr<WebSocket> socket)
      : socket_(std::move(socket)) {}

  boost::asio::io_context& io() override { return socket_->io(); }
  void WriteAll(const ConstBuffers& buffers, Handler handler) override {
    socket_->Write(false, buffers, std::move(handler));
  }
  void ShutdownWrite() override {
    socket_->Close([] {});
  }
  void Close() override { socket_->Abort(); }
  bool PeerIsGone() override { return socket_->PeerIsGone(); }

 protected:
  void DoReadSome(boost::asio::mutable_buffer buffer,
                  Handler handler) override {
    socket_->ReadSome(buffer, std::move(handler));
  }

 private:
  const std::shared_ptr<WebSocket> socket_;
};

}  // namespace

std::shared_ptr<ByteStream> MakeWebSocketTunnel(
    std::shared_ptr<WebSocket> socket) {
  return std::make_shared<WebSocketTunnel>(std::move(socket));
}

}  // namespace cri::stream
