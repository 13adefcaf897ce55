// SPDX-License-Identifier: Apache-2.0
// Connection is one client from its first byte: it reads one HTTP request,
// redeems the token in its path, and turns the connection into a link with a
// session. Anything else is answered by an error and closed. I/O thread only.
#ifndef CORACLE_CRI_STREAM_CONNECTION_H_
#define CORACLE_CRI_STREAM_CONNECTION_H_

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cri/stream/async_stream.h"
#include "cri/stream/host.h"
#include "cri/stream/link.h"
#include "cri/stream/protocol.h"
#include "cri/stream/tokens.h"
#include "cri/stream/websocket.h"

namespace cri::stream {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `on_end` is called once, when it is closed.
  Connection(Host* host, Tokens* tokens, std::shared_ptr<ByteStream> bytes,
             std::function<void(Connection*)> on_end);

  void Start();
  // Ends it if its time is over or its peer is gone.
  void Check(absl::Time now);
  void Close();
  // Closes in good order, with the reason where one can be told.
  void Stop(const absl::Status& why);

 private:
  void OnRequest();
  void UseSpdy(Request request);
  void UseWebSocket(Request request);
  void OnAccepted(const Protocol& protocol, Request request,
                  std::shared_ptr<WebSocket> socket);
  void Adopt(std::shared_ptr<Link> link, const std::shared_ptr<LinkUser>& user);
  // Over SPDY, plain or tunnelled.
  void ServeForward(std::shared_ptr<ByteStream> bytes, ForwardRequest request);
  std::vector<std::string> Offered(absl::string_view header) const;
  void Answer(unsigned status, absl::string_view text,
              absl::string_view extra_headers = "");

  Host* const host_;
  Tokens* const tokens_;
  const std::shared_ptr<ByteStream> bytes_;
  std::function<void(Connection*)> on_end_;
  const absl::Time begin_;
  AsyncStream stream_;
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<
      boost::beast::http::request_parser<boost::beast::http::empty_body>>
      parser_;
  std::string out_;
  std::shared_ptr<Link> link_;    // once upgraded
  std::weak_ptr<LinkUser> user_;  // of link_
  bool told_ = false;             // that it was idle for too long
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_CONNECTION_H_
