// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/connection.h"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cri/stream/channel_link.h"
#include "cri/stream/forward_session.h"
#include "cri/stream/process_session.h"
#include "cri/stream/spdy_link.h"
#include "cri/stream/websocket_tunnel.h"

namespace cri::stream {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr uint32_t kMaxHead = 16 << 10;
// stdin, stdout, stderr, error, resize.
constexpr size_t kProcessStreams = 5;
constexpr char kSpdyUpgrade[] = "SPDY/3.1";
constexpr char kVersionHeader[] = "X-Stream-Protocol-Version";

absl::string_view View(beast::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// The request that stands behind "/exec/<token>" and its like.
std::optional<Request> Find(Tokens& tokens, absl::string_view target) {
  absl::string_view path = target.substr(0, target.find('?'));
  const bool exec = absl::ConsumePrefix(&path, "/exec/");
  const bool attach = !exec && absl::ConsumePrefix(&path, "/attach/");
  if (!exec && !attach && !absl::ConsumePrefix(&path, "/portforward/")) {
    return std::nullopt;
  }
  std::optional<Request> request = tokens.Redeem(path);
  if (!request) return std::nullopt;
  const auto* process = std::get_if<ProcessRequest>(&*request);
  const bool fits = process == nullptr
                        ? !exec && !attach
                        : process->attach == attach && (exec || attach);
  if (!fits) return std::nullopt;
  return request;
}

Purpose PurposeOf(const Request& request) {
  return std::holds_alternative<ProcessRequest>(request) ? Purpose::kProcess
                                                         : Purpose::kForward;
}

bool AsksForSpdy(const HttpRequest& request) {
  return http::token_list(request[http::field::connection]).exists("upgrade") &&
         absl::EqualsIgnoreCase(View(request[http::field::upgrade]),
                                kSpdyUpgrade);
}

std::string Names(Purpose purpose, Transport transport) {
  return absl::StrJoin(ProtocolsFor(purpose, transport), ", ",
                       [](std::string* out, const Protocol& protocol) {
                         absl::StrAppend(out, protocol.name);
                       });
}

// What is wrong with a port-forward over channels, or "".
std::string WrongPorts(const ForwardRequest& request,
                       const Protocol& protocol) {
  if (request.ports.empty()) {
    return "this protocol needs the ports in PortForwardRequest";
  }
  const size_t most = MaxChannels(protocol.format) / 2;  // two for each port
  if (request.ports.size() <= most) return "";
  return absl::StrCat("PortForwardRequest has ", request.ports.size(),
                      " ports, but this protocol has channels for ", most,
                      " at most");
}

absl::string_view Reason(unsigned status) {
  return View(http::obsolete_reason(http::int_to_status(status)));
}

}  // namespace

Connection::Connection(Host* host, Tokens* tokens,
                       std::shared_ptr<ByteStream> bytes,
                       std::function<void(Connection*)> on_end)
    : host_(host),
      tokens_(tokens),
      bytes_(std::move(bytes)),
      on_end_(std::move(on_end)),
      begin_(absl::Now()),
      stream_(bytes_) {}

void Connection::Start() {
  parser_ = std::make_unique<http::request_parser<http::empty_body>>();
  parser_->header_limit(kMaxHead);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const Error& error, size_t) {
        if (error == http::error::header_limit) {
          return self->Answer(431, "the request head is too large");
        }
        if (error) return self->Close();
        self->OnRequest();
      });
}

void Connection::Check(absl::Time now) {
  if (link_ == nullptr) {
    if (now - begin_ > host_->timeouts().request) Close();
    return;
  }
  // Who is not read is not heard to leave either.
  if (link_->IsHeld() && bytes_->PeerIsGone()) return Close();
  const absl::Duration idle = host_->timeouts().idle;
  if (now - bytes_->last_activity() <= idle) return;
  // Without a reason, clients of SPDY would report success.
  if (std::exchange(told_, true)) return Close();
  Stop(absl::DeadlineExceededError(
      absl::StrCat("nothing was sent either way for ",
                   absl::FormatDuration(idle), " (stream_idle_timeout)")));
}

void Connection::Close() {
  if (const auto on_end = std::exchange(on_end_, nullptr)) {
    const auto self = shared_from_this();
    if (link_ != nullptr) std::exchange(link_, nullptr)->Close();
    bytes_->Close();
    on_end(this);
  }
}

void Connection::Stop(const absl::Status& why) {
  const auto user = user_.lock();
  if (link_ == nullptr || user == nullptr) return Close();
  user->OnStopping(why);
}

void Connection::OnRequest() {
  const HttpRequest& request = parser_->get();
  if (request.method() != http::verb::get &&
      request.method() != http::verb::post) {
    return Answer(405, "only GET and POST are served", "Allow: GET, POST\r\n");
  }
  if (parser_->chunked() || parser_->content_length().value_or(0) > 0) {
    return Answer(400, "a request with a body cannot be upgraded");
  }
  std::optional<Request> found = Find(*tokens_, View(request.target()));
  if (!found) {
    return Answer(404, "unknown, used or expired streaming URL");
  }
  bytes_->Unread(beast::buffers_to_string(buffer_.data()));
  buffer_.consume(buffer_.size());
  buffer_.shrink_to_fit();
  if (beast::websocket::is_upgrade(request)) {
    return UseWebSocket(*std::move(found));
  }
  if (AsksForSpdy(request)) return UseSpdy(*std::move(found));
  Answer(400, absl::StrCat("unable to upgrade: neither ", kSpdyUpgrade,
                           " nor a WebSocket was asked for"));
}

std::vector<std::string> Connection::Offered(absl::string_view header) const {
  std::vector<std::string> names;
  const auto range = parser_->get().equal_range(
      beast::string_view(header.data(), header.size()));
  for (auto it = range.first; it != range.second; ++it) {
    for (const absl::string_view name :
         absl::StrSplit(View(it->value()), ',', absl::SkipWhitespace())) {
      names.emplace_back(absl::StripAsciiWhitespace(name));
    }
  }
  return names;
}

void Connection::UseSpdy(Request request) {
  const std::vector<std::string> offered = Offered(kVersionHeader);
  if (offered.empty()) {
    return Answer(400, absl::StrCat("unable to upgrade: ", kVersionHeader,
                                    " is required"));
  }
  const Purpose purpose = PurposeOf(request);
  const Protocol* protocol = Choose(purpose, Transport::kSpdy, offered);
  if (protocol == nullptr) {
    const std::string spoken = Names(purpose, Transport::kSpdy);
    return Answer(
        403,
        absl::StrCat("unable to upgrade: none of the protocols ",
                     absl::StrJoin(offered, ", "), " is spoken, but ", spoken),
        absl::StrCat("X-Accepted-Stream-Protocol-Versions: ", spoken, "\r\n"));
  }
  out_ = absl::StrCat("HTTP/1.1 101 Switching Protocols\r\n",
                      "Connection: Upgrade\r\nUpgrade: ", kSpdyUpgrade, "\r\n",
                      kVersionHeader, ": ", protocol->name, "\r\n\r\n");
  bytes_->WriteAll(
      {boost::asio::buffer(out_)},
      [self = shared_from_this(), dialect = protocol->dialect,
       request = std::move(request)](const Error& error, size_t) {
        if (error || !self->on_end_) return self->Close();
        self->parser_ = nullptr;
        if (const auto* forward = std::get_if<ForwardRequest>(&request)) {
          return self->ServeForward(self->bytes_, *forward);
        }
        auto link = std::make_shared<SpdyLink>(self->bytes_, kProcessStreams,
                                               self->host_->timeouts().goodbye);
        auto session = std::make_shared<ProcessSession>(
            self->host_, link, std::get<ProcessRequest>(request), dialect);
        self->Adopt(link, session);
        link->Start(session);
        session->AwaitStreams();
      });
}

void Connection::UseWebSocket(Request request) {
  const std::vector<std::string> offered = Offered("Sec-WebSocket-Protocol");
  const Purpose purpose = PurposeOf(request);
  const Protocol* protocol = Choose(purpose, Transport::kWebSocket, offered);
  if (protocol == nullptr) {
    return Answer(403,
                  absl::StrCat("none of the WebSocket protocols ",
                               absl::StrJoin(offered, ", "), " is spoken, but ",
                               Names(purpose, Transport::kWebSocket)));
  }
  const auto* forward = std::get_if<ForwardRequest>(&request);
  if (forward != nullptr && !protocol->tunnel) {
    const std::string wrong = WrongPorts(*forward, *protocol);
    if (!wrong.empty()) return Answer(400, wrong);
  }
  auto socket = WebSocket::Make(bytes_, host_->timeouts().goodbye);
  socket->Accept(parser_->get(), std::string(protocol->name),
                 [self = shared_from_this(), socket, protocol,
                  request = std::move(request)](const Error& error) {
                   if (error || !self->on_end_) return self->Close();
                   self->parser_ = nullptr;
                   self->OnAccepted(*protocol, request, socket);
                 });
}

void Connection::OnAccepted(const Protocol& protocol, Request request,
                            std::shared_ptr<WebSocket> socket) {
  auto* forward = std::get_if<ForwardRequest>(&request);
  if (protocol.tunnel) {
    return ServeForward(MakeWebSocketTunnel(std::move(socket)),
                        std::move(*forward));
  }
  auto link = std::make_shared<ChannelLink>(std::move(socket), protocol.format,
                                            host_->timeouts().pong);
  if (forward != nullptr) {
    auto session =
        std::make_shared<ForwardSession>(host_, link, std::move(*forward));
    Adopt(link, session);
    link->Start(session);
    return session->UseChannels();
  }
  auto& process = std::get<ProcessRequest>(request);
  // Clients take an empty message for the sign that all is well.
  const Role first = process.out   ? Role::kOut
                     : process.err ? Role::kErr
                                   : Role::kError;
  auto session = std::make_shared<ProcessSession>(
      host_, link, std::move(process), protocol.dialect);
  Adopt(link, session);
  link->Start(session);
  link->Send(static_cast<StreamId>(first), "", nullptr);
  session->UseChannels();
}

void Connection::ServeForward(std::shared_ptr<ByteStream> bytes,
                              ForwardRequest request) {
  auto link = std::make_shared<SpdyLink>(std::move(bytes),
                                         2 * ForwardSession::kMaxConnections,
                                         host_->timeouts().goodbye);
  const auto session =
      std::make_shared<ForwardSession>(host_, link, std::move(request));
  Adopt(link, session);
  link->Start(session);
}

void Connection::Adopt(std::shared_ptr<Link> link,
                       const std::shared_ptr<LinkUser>& user) {
  link_ = std::move(link);
  user_ = user;
  link_->SetOnClosed([self = shared_from_this()] {
    self->link_ = nullptr;
    self->Close();
  });
}

void Connection::Answer(unsigned status, absl::string_view text,
                        absl::string_view extra_headers) {
  out_ = absl::StrCat("HTTP/1.1 ", status, " ", Reason(status),
                      "\r\nContent-Type: text/plain; charset=utf-8\r\n",
                      "Content-Length: ", text.size() + 1, "\r\n",
                      extra_headers, "Connection: close\r\n\r\n", text, "\n");
  bytes_->WriteAll({boost::asio::buffer(out_)},
                   [self = shared_from_this()](const Error& error, size_t) {
                     if (!error) self->bytes_->ShutdownWrite();
                     self->Close();
                   });
}

}  // namespace cri::stream
