// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/channel_link.h"

#include <algorithm>
#include <utility>

#include "runtime/base/log.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;

constexpr size_t kLeastBuffer = 4 << 10;
constexpr size_t kMostBuffer = 128 << 10;
// A client whose send buffer is full goes on when a third of it is free, which
// is at most 4 MiB large: four of these in a minute make room for it.
constexpr size_t kSip = 512 << 10;
constexpr size_t kMaxAhead = 16 << 20;

}  // namespace

ChannelLink::ChannelLink(std::shared_ptr<WebSocket> socket,
                         ChannelFormat format, absl::Duration pong)
    : socket_(std::move(socket)),
      format_(format),
      reader_(format, this),
      pong_(pong),
      pong_timer_(socket_->io()) {}

void ChannelLink::Start(std::shared_ptr<LinkUser> user) {
  user_ = std::move(user);
  buffer_.resize(kLeastBuffer);
  Read();
}

void ChannelLink::Read() {
  if (closed_ || reading_ || finishing_) return;
  if (holds_ > 0 && sip_ == 0) return;
  reading_ = true;
  socket_->ReadSome(asio::buffer(buffer_),
                    [self = shared_from_this()](const Error& error, size_t n) {
                      self->OnRead(error, n);
                    });
}

void ChannelLink::OnRead(const Error& error, size_t n) {
  reading_ = false;
  if (error) return Close();
  if (holds_ > 0) {
    ahead_ += n;
    sip_ -= std::min(n, sip_);
  }
  const absl::Status fed = reader_.Feed(absl::string_view(buffer_.data(), n),
                                        socket_->IsMessageDone());
  if (!fed.ok()) {
    runtime::log::Debug("streaming client: ", fed.message());
    return Close();
  }
  if (n == buffer_.size() && n < kMostBuffer) buffer_.resize(2 * n);
  Read();
}

void ChannelLink::OnChannelData(uint8_t channel, absl::string_view data) {
  if (!closed_ && !finishing_) user_->OnData(channel, data);
}

void ChannelLink::OnChannelEnd(uint8_t channel) {
  if (!closed_ && !finishing_) user_->OnEnd(channel);
}

void ChannelLink::Send(StreamId id, absl::string_view data, Done done) {
  if (closed_ || finishing_) return;
  if (format_.base64) {
    queue_.push_back({Base64Message(id, data), {}, std::move(done)});
  } else {
    queue_.push_back(
        {std::string(1, ChannelByte(format_, id)), data, std::move(done)});
  }
  Write();
}

void ChannelLink::Hold() {
  ++holds_;
  SignOfLifeLater();
}

// A link may be held and released often: the timer that runs stays.
void ChannelLink::SignOfLifeLater() {
  if (pong_due_ || closed_ || finishing_ || holds_ == 0) return;
  pong_due_ = true;
  pong_timer_.expires_after(absl::ToChronoNanoseconds(pong_));
  pong_timer_.async_wait([self = shared_from_this()](const Error&) {
    self->pong_due_ = false;
    if (self->closed_ || self->finishing_ || self->holds_ == 0) return;
    self->pong_due_ = true;
    self->socket_->Pong([self] {
      self->pong_due_ = false;
      self->SignOfLifeLater();
    });
    if (self->ahead_ < kMaxAhead) self->sip_ = kSip;
    self->Read();
  });
}

void ChannelLink::Release() {
  if (--holds_ > 0) return;
  ahead_ = sip_ = 0;
  Read();
}

void ChannelLink::Write() {
  if (closed_ || writing_ || queue_.empty()) return;
  writing_ = true;
  const Item& item = queue_.front();
  ConstBuffers buffers = {asio::buffer(item.head)};
  if (!item.body.empty()) {
    buffers.push_back(asio::buffer(item.body.data(), item.body.size()));
  }
  socket_->Write(format_.base64, buffers,
                 [self = shared_from_this()](const Error& error, size_t) {
                   self->OnWritten(error);
                 });
}

void ChannelLink::OnWritten(const Error& error) {
  writing_ = false;
  const Done done = std::move(queue_.front().done);
  queue_.pop_front();
  if (closed_) return;
  if (error) return Close();
  if (done) done();
  if (!queue_.empty()) return Write();
  if (finishing_) SayGoodbye();
}

void ChannelLink::Finish() {
  if (closed_ || std::exchange(finishing_, true)) return;
  if (!writing_ && queue_.empty()) SayGoodbye();
}

void ChannelLink::SayGoodbye() {
  socket_->Close([self = shared_from_this()] { self->Close(); });
}

void ChannelLink::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  pong_timer_.cancel();
  socket_->Abort();
  // What is under way is let go of when its handler runs.
  queue_.erase(queue_.begin() + (writing_ ? 1 : 0), queue_.end());
  if (const auto user = std::exchange(user_, nullptr)) user->OnClosed();
  TellClosed();
}

}  // namespace cri::stream
