// SPDX-License-Identifier: Apache-2.0
// AsyncStream gives a ByteStream the form that Boost.Beast asks of what it
// reads from and writes to (the AsyncStream concept).
#ifndef CORACLE_CRI_STREAM_ASYNC_STREAM_H_
#define CORACLE_CRI_STREAM_ASYNC_STREAM_H_

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <memory>
#include <utility>

#include "cri/stream/byte_stream.h"

namespace cri::stream {

class AsyncStream {
 public:
  using executor_type = boost::asio::io_context::executor_type;

  explicit AsyncStream(std::shared_ptr<ByteStream> bytes)
      : bytes_(std::move(bytes)) {}

  executor_type get_executor() { return bytes_->io().get_executor(); }
  ByteStream& bytes() { return *bytes_; }

  template <typename Buffers, typename Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return Initiate(
        [bytes = bytes_, buffer = First(buffers)](ByteStream::Handler done) {
          bytes->ReadSome(buffer, std::move(done));
        },
        std::forward<Handler>(handler));
  }

  template <typename Buffers, typename Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return Initiate(
        [bytes = bytes_,
         all = ConstBuffers(boost::asio::buffer_sequence_begin(buffers),
                            boost::asio::buffer_sequence_end(buffers))](
            ByteStream::Handler done) {
          bytes->WriteAll(all, std::move(done));
        },
        std::forward<Handler>(handler));
  }

 private:
  template <typename Buffers>
  static boost::asio::mutable_buffer First(const Buffers& buffers) {
    auto it = boost::asio::buffer_sequence_begin(buffers);
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (; it != end; ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return buffer;
    }
    return {};
  }

  // Handlers of the library cannot be copied, std::function wants to.
  template <typename Operation, typename Handler>
  static auto Initiate(Operation operation, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(Error, size_t)>(
        [](auto&& completion, Operation start) {
          auto shared = std::make_shared<std::decay_t<decltype(completion)>>(
              std::forward<decltype(completion)>(completion));
          start([shared](const Error& error, size_t n) {
            std::move (*shared)(error, n);
          });
        },
        handler, std::move(operation));
  }

  std::shared_ptr<ByteStream> bytes_;
};

// How Beast ends a connection below a WebSocket.
template <typename Handler>
void async_teardown(boost::beast::role_type, AsyncStream& stream,
                    Handler&& handler) {
  stream.bytes().ShutdownWrite();
  boost::asio::post(stream.get_executor(),
                    boost::beast::bind_front_handler(
                        std::forward<Handler>(handler), Error()));
}
inline void teardown(boost::beast::role_type, AsyncStream& stream,
                     Error& error) {
  stream.bytes().ShutdownWrite();
  error = {};
}
inline void beast_close_socket(AsyncStream& stream) { stream.bytes().Close(); }

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_ASYNC_STREAM_H_
