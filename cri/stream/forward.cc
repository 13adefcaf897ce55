// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/forward.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

using Error = boost::system::error_code;

// Begins to connect to localhost; OK also if that is still under way.
absl::Status BeginConnect(int socket, int family, uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_v4 = family == AF_INET;
  const auto* address = is_v4 ? reinterpret_cast<const sockaddr*>(&v4)
                              : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
  if (connect(socket, address, size) == 0 || errno == EINPROGRESS) {
    return absl::OkStatus();
  }
  return runtime::ErrnoStatus("connect");
}

absl::Status ConnectResult(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return runtime::ErrnoStatus("connect");
  }
  if (error == 0) return absl::OkStatus();
  return runtime::ErrnoStatus(error, "connect");
}

}  // namespace

const int Forward::kFirstFamily = AF_INET;

Forward::Forward(Host* host, std::shared_ptr<Link> link,
                 std::shared_ptr<Brake> brake,
                 std::shared_ptr<const ForwardRequest> request, uint16_t port,
                 Streams streams, std::function<void()> on_end)
    : host_(host),
      link_(std::move(link)),
      request_(std::move(request)),
      port_(port),
      streams_(streams),
      on_end_(std::move(on_end)),
      timer_(host->io()),
      in_(std::make_shared<Inflow>(std::move(brake))) {}

void Forward::Open(int family) {
  host_->Block([self = shared_from_this(), family]() -> std::function<void()> {
    auto opened = self->request_->open_socket(family);
    const auto fd = std::make_shared<runtime::UniqueFd>(
        opened.ok() ? std::move(*opened) : runtime::UniqueFd());
    return [self, family, fd, status = opened.status()] {
      if (!status.ok()) return self->OnConnect(family, status);
      self->socket_ = Watch(self->host_->io(), std::move(*fd));
      self->AwaitConnect(family);
    };
  });
}

void Forward::AwaitConnect(int family) {
  if (link_ == nullptr) return;
  if (socket_ == nullptr) {
    return Fail(absl::InternalError("the socket cannot be watched"));
  }
  const absl::Status begun =
      BeginConnect(socket_->native_handle(), family, port_);
  if (!begun.ok()) return OnConnect(family, begun);
  timer_.expires_after(absl::ToChronoNanoseconds(host_->timeouts().connect));
  timer_.async_wait([self = shared_from_this(), family](const Error& error) {
    if (error || self->socket_ == nullptr || self->out_ != nullptr) return;
    self->OnConnect(family, absl::DeadlineExceededError("connect: no answer"));
  });
  socket_->async_wait(
      Descriptor::wait_write, [self = shared_from_this(), family,
                               socket = socket_](const Error& error) {
        if (error || self->socket_ != socket) return;
        self->OnConnect(family, ConnectResult(socket->native_handle()));
      });
}

void Forward::OnConnect(int family, const absl::Status& status) {
  if (link_ == nullptr) return;
  timer_.cancel();
  if (status.ok()) return OnConnected();
  socket_ = nullptr;
  if (family == AF_INET) {
    first_failure_ = status;
    return Open(AF_INET6);
  }
  // What IPv4 said is what the user looks for.
  Fail(first_failure_);
}

void Forward::OnConnected() {
  out_ = std::make_shared<Outflow>(
      link_, streams_.data, socket_,
      [self = shared_from_this()] { self->OnOutputEnd(); });
  in_->Start(socket_);
  if (out_ != nullptr) out_->Start();
}

void Forward::Write(absl::string_view data) {
  if (in_ != nullptr) in_->Write(data);
}

void Forward::EndInput() {
  if (in_ == nullptr) return;
  in_->End([self = shared_from_this()] {
    if (self->socket_ != nullptr) {
      shutdown(self->socket_->native_handle(), SHUT_WR);
    }
    self->in_ended_ = true;
    self->EndIfDone();
  });
}

// Nothing can go wrong any more that the client would want to know, and older
// clients wait for the end of the error stream before they end their side.
void Forward::OnOutputEnd() {
  out_ended_ = true;
  link_->SendEnd(streams_.data);
  link_->SendEnd(streams_.error);
  EndIfDone();
}

void Forward::EndIfDone() {
  if (in_ended_ && out_ended_) End();
}

void Forward::Cancel() {
  if (link_ == nullptr) return;
  link_->SendEnd(streams_.error);
  End();
}

void Forward::Fail(const absl::Status& status) {
  if (link_ == nullptr) return;
  const auto text = std::make_shared<std::string>(
      absl::StrCat("port ", port_, " of the pod: ", status.message()));
  link_->Send(streams_.error, *text, [text] {});
  link_->SendEnd(streams_.error);
  End();
}

void Forward::End() {
  const auto link = link_;
  const auto on_end = std::exchange(on_end_, nullptr);
  Close();
  link->Reset(streams_.data);  // nothing if both ways have ended
  link->Reset(streams_.error);
  if (on_end) on_end();
}

void Forward::Close() {
  on_end_ = nullptr;
  timer_.cancel();
  if (in_ != nullptr) std::exchange(in_, nullptr)->Close();
  if (out_ != nullptr) std::exchange(out_, nullptr)->Close();
  socket_ = nullptr;
  link_ = nullptr;
}

}  // namespace cri::stream
