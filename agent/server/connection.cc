// SPDX-License-Identifier: Apache-2.0
#include "agent/server/connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace agent::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

constexpr uint32_t kMaxHeader = 64 << 10;
constexpr uint64_t kMaxBody = 1 << 20;
constexpr size_t kMaxTarget = 32 << 10;
// A client that still talks while it is sent a stream is wrong, but not worth
// more than this.
constexpr size_t kMaxIgnored = 64 << 10;

absl::string_view Reason(int status) {
  beast::string_view text =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  return absl::string_view(text.data(), text.size());
}

std::string Date() {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(),
                          absl::UTCTimeZone());
}

std::string Head(int status, absl::string_view content_type) {
  return absl::StrCat("HTTP/1.1 ", status, " ", Reason(status),
                      "\r\nDate: ", Date(), "\r\nContent-Type: ", content_type,
                      "\r\nX-Content-Type-Options: nosniff\r\n");
}

absl::string_view View(beast::string_view text) {
  return absl::string_view(text.data(), text.size());
}

}  // namespace

Connection::Connection(ConnectionHost* host,
                       boost::asio::ip::tcp::socket socket,
                       std::shared_ptr<TlsContext> tls, std::string peer)
    : host_(host),
      tls_(std::move(tls)),
      peer_(std::move(peer)),
      stream_(beast::tcp_stream(std::move(socket)), tls_->ssl) {}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  beast::get_lowest_layer(stream_).close();
  if (auto gone = std::exchange(on_gone_, nullptr)) gone();
  host_->Forget(this);
}

void Connection::Start() {
  auto& tcp = beast::get_lowest_layer(stream_);
  Error ignored;  // only costs latency
  tcp.socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  tcp.expires_after(absl::ToChronoNanoseconds(host_->timeouts().handshake));
  stream_.async_handshake(boost::asio::ssl::stream_base::server,
                          [self = shared_from_this()](const Error& error) {
                            if (error) return self->Close();
                            self->OnHandshake();
                          });
}

void Connection::OnHandshake() {
  certificate_ = CheckClient(stream_.native_handle(), tls_->clients.get());
  ReadRequest(host_->timeouts().request);
}

void Connection::ReadRequest(absl::Duration limit) {
  parser_.emplace();
  parser_->header_limit(kMaxHeader);
  parser_->body_limit(kMaxBody);
  beast::get_lowest_layer(stream_).expires_after(
      absl::ToChronoNanoseconds(limit));
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](const Error& error, size_t) {
                     if (error) return self->OnBadRequest(error);
                     self->OnRequest();
                   });
}

void Connection::OnBadRequest(const Error& error) {
  head_only_ = false;
  if (error == http::error::header_limit) {
    return Respond(TextResponse(431, "Request Header Fields Too Large\n"),
                   false);
  }
  if (error == http::error::body_limit) {
    return Respond(TextResponse(413, "Payload Too Large\n"), false);
  }
  if (error != http::error::end_of_stream &&
      error != http::error::partial_message &&
      error.category() ==
          make_error_code(http::error::bad_version).category()) {
    return Respond(TextResponse(400, "400 Bad Request\n"), false);
  }
  Close();  // gone, or too slow
}

void Connection::OnRequest() {
  const auto& message = parser_->get();
  keep_alive_ = message.keep_alive();
  chunked_ = message.version() >= 11;
  head_only_ = message.method() == http::verb::head;
  if (message.target().size() > kMaxTarget) {
    return Respond(TextResponse(414, "URI Too Long\n"), false);
  }
  absl::StatusOr<Request> request =
      ParseTarget(View(message.method_string()), View(message.target()));
  if (!request.ok()) {
    return Respond(
        TextResponse(400, absl::StrCat(request.status().message(), "\n")),
        keep_alive_);
  }
  request->authorization =
      std::string(View(message[http::field::authorization]));
  request->peer = peer_;
  host_->Handle(*std::move(request), certificate_,
                [self = shared_from_this()](Answer answer) {
                  if (!self->closed_) self->OnAnswer(std::move(answer));
                });
}

void Connection::OnAnswer(Answer answer) {
  if (answer.log == nullptr) return Respond(answer.response, keep_alive_);
  StreamLog(shared_from_this(), std::move(answer));
}

void Connection::Respond(const Response& response, bool keep_alive) {
  std::string bytes = absl::StrCat(
      Head(response.status, response.content_type),
      "Content-Length: ", response.body.size(), "\r\n",
      keep_alive ? "" : "Connection: close\r\n", "\r\n",
      head_only_ ? absl::string_view() : absl::string_view(response.body));
  Send(std::move(bytes), [this, keep_alive](bool sent) {
    if (!sent) return;
    if (!keep_alive) return Finish();
    ReadRequest(host_->timeouts().idle);
  });
}

// The handler keeps the connection alive, so `done` may use it.
void Connection::Send(std::string bytes, std::function<void(bool)> done) {
  if (closed_) return done(false);
  out_ = std::move(bytes);
  beast::get_lowest_layer(stream_).expires_after(
      absl::ToChronoNanoseconds(host_->timeouts().write));
  boost::asio::async_write(stream_, boost::asio::buffer(out_),
                           [self = shared_from_this(), done = std::move(done)](
                               const Error& error, size_t) {
                             if (error) self->Close();
                             done(!error && !self->closed_);
                           });
}

void Connection::BeginStream(std::function<void()> on_gone,
                             std::function<void(bool)> done) {
  on_gone_ = std::move(on_gone);
  WatchForEnd();
  Send(absl::StrCat(Head(200, "text/plain; charset=utf-8"),
                    chunked_ ? "Transfer-Encoding: chunked\r\n" : "",
                    "Connection: close\r\n\r\n"),
       std::move(done));
}

// Only a read tells that the client hung up.
void Connection::WatchForEnd() {
  beast::get_lowest_layer(stream_).expires_never();
  stream_.async_read_some(
      boost::asio::buffer(ignored_),
      [self = shared_from_this()](const Error& error, size_t n) {
        self->ignored_total_ += n;
        if (error || self->ignored_total_ > kMaxIgnored) return self->Close();
        if (!self->closed_) self->WatchForEnd();
      });
}

void Connection::Write(std::string data, std::function<void(bool)> done) {
  if (chunked_) {
    data = absl::StrCat(absl::Hex(data.size()), "\r\n", data, "\r\n");
  }
  Send(std::move(data), std::move(done));
}

void Connection::EndStream() {
  on_gone_ = nullptr;
  // To write nothing is to TLS a second read, beside WatchForEnd's.
  if (!chunked_) return Finish();
  Send("0\r\n\r\n", [this](bool sent) {
    if (sent) Finish();
  });
}

// Says good-bye, so that the client knows that nothing was cut off.
void Connection::Finish() {
  if (closed_) return;
  beast::get_lowest_layer(stream_).expires_after(
      absl::ToChronoNanoseconds(host_->timeouts().handshake));
  stream_.async_shutdown(
      [self = shared_from_this()](const Error&) { self->Close(); });
}

}  // namespace agent::server
