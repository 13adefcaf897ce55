// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/websocket.h"

#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <utility>

#include "cri/stream/async_stream.h"

namespace cri::stream {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

class WebSocketImpl : public WebSocket,
                      public std::enable_shared_from_this<WebSocketImpl> {
 public:
  WebSocketImpl(std::shared_ptr<ByteStream> bytes, absl::Duration goodbye)
      : bytes_(bytes), goodbye_(goodbye), stream_(AsyncStream(bytes)) {
    // Data is passed on as it comes, so a message may have any size.
    stream_.read_message_max(0);
    stream_.auto_fragment(false);
  }

  boost::asio::io_context& io() override { return bytes_->io(); }

  void Accept(const HttpRequest& request, const std::string& protocol,
              std::function<void(const Error&)> done) override {
    stream_.set_option(websocket::stream_base::decorator(
        [protocol](websocket::response_type& response) {
          if (protocol.empty()) return;
          response.set(beast::http::field::sec_websocket_protocol, protocol);
        }));
    stream_.async_accept(
        request, [self = shared_from_this(),
                  done = std::move(done)](const Error& error) { done(error); });
  }

  void ReadSome(boost::asio::mutable_buffer buffer, Handler handler) override {
    stream_.async_read_some(
        buffer, [self = shared_from_this(), handler = std::move(handler)](
                    const Error& error, size_t n) { handler(error, n); });
  }

  bool IsMessageDone() const override { return stream_.is_message_done(); }

  void Write(bool text, const ConstBuffers& buffers, Handler handler) override {
    stream_.text(text);
    stream_.async_write(
        buffers, [self = shared_from_this(), handler = std::move(handler)](
                     const Error& error, size_t n) { handler(error, n); });
  }

  void Pong(std::function<void()> done) override {
    stream_.async_pong(
        {}, [self = shared_from_this(), done = std::move(done)](const Error&) {
          done();  // of what is wrong reads and writes hear, too
        });
  }

  void Close(std::function<void()> done) override {
    bytes_->CloseAfter(goodbye_);
    stream_.async_close(
        websocket::close_code::normal,
        [self = shared_from_this(), done = std::move(done)](const Error&) {
          self->bytes_->Close();
          done();
        });
  }

  void Abort() override { bytes_->Close(); }
  bool PeerIsGone() override { return bytes_->PeerIsGone(); }

 private:
  const std::shared_ptr<ByteStream> bytes_;
  const absl::Duration goodbye_;
  websocket::stream<AsyncStream> stream_;
};

}  // namespace

std::shared_ptr<WebSocket> WebSocket::Make(std::shared_ptr<ByteStream> bytes,
                                           absl::Duration goodbye) {
  return std::make_shared<WebSocketImpl>(std::move(bytes), goodbye);
}

}  // namespace cri::stream
