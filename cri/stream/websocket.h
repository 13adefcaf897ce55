// SPDX-License-Identifier: Apache-2.0
// WebSocket is the server's end of a WebSocket (RFC 6455, by Boost.Beast) over
// a ByteStream. Pings are answered while a read is under way; Pong is for the
// time when there is none. I/O thread only.
#ifndef CORACLE_CRI_STREAM_WEBSOCKET_H_
#define CORACLE_CRI_STREAM_WEBSOCKET_H_

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "cri/stream/byte_stream.h"

namespace cri::stream {

using HttpRequest = boost::beast::http::request<boost::beast::http::empty_body>;

class WebSocket {
 public:
  using Handler = ByteStream::Handler;

  virtual ~WebSocket() = default;

  // After Close the peer has `goodbye` to answer.
  static std::shared_ptr<WebSocket> Make(std::shared_ptr<ByteStream> bytes,
                                         absl::Duration goodbye);

  virtual boost::asio::io_context& io() = 0;
  // Answers the upgrade; `protocol` "" stands for none.
  virtual void Accept(const HttpRequest& request, const std::string& protocol,
                      std::function<void(const Error&)> done) = 0;
  // A piece of a message. An error also if the peer has closed.
  virtual void ReadSome(boost::asio::mutable_buffer buffer,
                        Handler handler) = 0;
  // Of the last read: it ended the message.
  virtual bool IsMessageDone() const = 0;
  // One message. One at a time.
  virtual void Write(bool text, const ConstBuffers& buffers,
                     Handler handler) = 0;
  // Sends a pong that nobody asked for (RFC 6455, 5.5.3). One at a time.
  virtual void Pong(std::function<void()> done) = 0;
  // Sends Close with code 1000, waits for the peer's, closes, calls `done`. Not
  // while writing. A read that is under way fails.
  virtual void Close(std::function<void()> done) = 0;
  // Closes now.
  virtual void Abort() = 0;
  virtual bool PeerIsGone() = 0;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_WEBSOCKET_H_
