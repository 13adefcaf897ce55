// SPDX-License-Identifier: Apache-2.0
// ByteStream is one connection as bytes: a TCP socket, TLS over one, or the
// binary messages of a WebSocket. It hides which, so that HTTP, SPDY and
// WebSocket are written (and compiled) once. Belongs to the I/O thread.
#ifndef CORACLE_CRI_STREAM_BYTE_STREAM_H_
#define CORACLE_CRI_STREAM_BYTE_STREAM_H_

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace cri::stream {

using Error = boost::system::error_code;
using ConstBuffers = std::vector<boost::asio::const_buffer>;

class ByteStream : public std::enable_shared_from_this<ByteStream> {
 public:
  using Handler = std::function<void(const Error&, size_t)>;

  virtual ~ByteStream() = default;

  virtual boost::asio::io_context& io() = 0;
  // At most one read and one write at a time. Buffers stay valid until the
  // handler is called, which is never from within these calls.
  void ReadSome(boost::asio::mutable_buffer buffer, Handler handler);
  virtual void WriteAll(const ConstBuffers& buffers, Handler handler) = 0;
  // Nothing more is written; the peer sees the end. Not while writing.
  virtual void ShutdownWrite() = 0;
  // What is under way fails. Idempotent.
  virtual void Close() = 0;
  // True if the peer has closed its side, even if nobody reads.
  virtual bool PeerIsGone() = 0;

  // Closes if that has not happened `delay` from now.
  void CloseAfter(absl::Duration delay);

  // Bytes that were read too far and belong before the next ones.
  void Unread(std::string bytes) { unread_ = std::move(bytes); }
  // When bytes last came or went.
  absl::Time last_activity() const { return last_activity_; }

 protected:
  virtual void DoReadSome(boost::asio::mutable_buffer buffer,
                          Handler handler) = 0;
  void Touch();

 private:
  std::string unread_;
  std::unique_ptr<boost::asio::steady_timer> closing_;
  absl::Time last_activity_ = absl::InfinitePast();
};

// Over a connected socket. With `tls` the handshake is still to be done: it
// happens on the first read.
std::shared_ptr<ByteStream> MakeSocketStream(
    boost::asio::ip::tcp::socket socket,
    std::shared_ptr<boost::asio::ssl::context> tls);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_BYTE_STREAM_H_
