// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/spdy_link.h"

#include <algorithm>
#include <utility>

#include "runtime/base/log.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;

// A quiet connection keeps the small buffer; a busy one gets the large one.
constexpr size_t kLeastBuffer = 4 << 10;
constexpr size_t kMostBuffer = 256 << 10;
// Answers that wait to be sent (replies, pings, resets). A peer that asks and
// does not listen is not read any more.
constexpr size_t kMaxQueued = 4096;
constexpr size_t kMaxAtOnce = 16;

}  // namespace

SpdyLink::SpdyLink(std::shared_ptr<ByteStream> bytes, size_t max_streams,
                   absl::Duration goodbye)
    : bytes_(std::move(bytes)),
      max_streams_(max_streams),
      goodbye_(goodbye),
      reader_(this) {}

void SpdyLink::Start(std::shared_ptr<LinkUser> user) {
  user_ = std::move(user);
  buffer_.resize(kLeastBuffer);
  Read();
}

void SpdyLink::Read() {
  if (closed_ || reading_) return;
  if (!finishing_ && (holds_ > 0 || queue_.size() > kMaxQueued)) return;
  reading_ = true;
  bytes_->ReadSome(asio::buffer(buffer_),
                   [self = shared_from_this()](const Error& error, size_t n) {
                     self->OnRead(error, n);
                   });
}

void SpdyLink::OnRead(const Error& error, size_t n) {
  reading_ = false;
  if (error) return Close();
  // While saying good-bye, what still comes is only waited out.
  if (!finishing_) {
    const absl::Status fed = reader_.Feed(absl::string_view(buffer_.data(), n));
    if (!fed.ok()) {
      runtime::log::Debug("streaming client: ", fed.message());
      return Close();
    }
  }
  if (n == buffer_.size() && n < kMostBuffer) buffer_.resize(2 * n);
  Read();
}

void SpdyLink::OnSynStream(uint32_t stream, bool fin, Headers headers) {
  if (closed_) return;
  // Clients number their streams with odd, rising numbers.
  if (stream % 2 == 0 || stream <= last_stream_) {
    runtime::log::Debug("streaming client: stream ", stream, " after stream ",
                        last_stream_);
    return Close();
  }
  last_stream_ = stream;
  if (streams_.size() >= max_streams_) {
    return Refuse(stream, ResetReason::kRefusedStream);
  }
  streams_[stream] = Ways{};
  // The client opens its next stream only after this reply.
  Queue(SynReplyFrame(stream, headers_.Write({})), {}, nullptr);
  if (!user_->OnStream(stream, headers)) {
    streams_.erase(stream);
    return Refuse(stream, ResetReason::kRefusedStream);
  }
  if (fin) OnFin(stream);
}

void SpdyLink::OnData(uint32_t stream, absl::string_view data) {
  if (closed_) return;
  const auto it = streams_.find(stream);
  // Of a stream that was reset data may be under way still.
  if (it == streams_.end() || !it->second.in) return;
  user_->OnData(stream, data);
}

void SpdyLink::OnFin(uint32_t stream) {
  if (closed_) return;
  const auto it = streams_.find(stream);
  if (it == streams_.end() || !std::exchange(it->second.in, false)) return;
  ForgetIfDone(stream);
  user_->OnEnd(stream);
}

void SpdyLink::OnRstStream(uint32_t stream) {
  if (closed_ || streams_.erase(stream) == 0) return;
  user_->OnReset(stream);
}

void SpdyLink::OnPing(uint32_t id) {
  // Even numbers would be answers to pings of ours, which we do not send.
  if (!closed_ && id % 2 == 1) Queue(PingFrame(id), {}, nullptr);
}

void SpdyLink::Refuse(uint32_t stream, ResetReason reason) {
  Queue(RstStreamFrame(stream, reason), {}, nullptr);
}

void SpdyLink::ForgetIfDone(uint32_t stream) {
  const auto it = streams_.find(stream);
  if (it != streams_.end() && !it->second.in && !it->second.out) {
    streams_.erase(it);
  }
}

void SpdyLink::Send(StreamId id, absl::string_view data, Done done) {
  const auto it = streams_.find(id);
  // Nobody listens: as good as sent.
  if (it == streams_.end() || !it->second.out) {
    asio::post(bytes_->io(), std::move(done));
    return;
  }
  Queue(DataHeader(id, false, data.size()), data, std::move(done));
}

void SpdyLink::SendEnd(StreamId id) {
  const auto it = streams_.find(id);
  if (it == streams_.end() || !std::exchange(it->second.out, false)) return;
  Queue(DataHeader(id, true, 0), {}, nullptr);
  ForgetIfDone(id);
}

void SpdyLink::Reset(StreamId id) {
  if (streams_.erase(id) > 0) Refuse(id, ResetReason::kCancel);
}

void SpdyLink::Release() {
  if (--holds_ == 0) Read();
}

void SpdyLink::Queue(std::string head, absl::string_view body, Done done) {
  if (closed_ || finishing_) return;
  queue_.push_back({std::move(head), body, std::move(done)});
  Write();
}

void SpdyLink::Write() {
  if (closed_ || writing_ > 0 || queue_.empty()) return;
  ConstBuffers buffers;
  writing_ = std::min(queue_.size(), kMaxAtOnce);
  for (size_t i = 0; i < writing_; ++i) {
    const Item& item = queue_[i];
    buffers.push_back(asio::buffer(item.head));
    if (!item.body.empty()) {
      buffers.push_back(asio::buffer(item.body.data(), item.body.size()));
    }
  }
  bytes_->WriteAll(buffers,
                   [self = shared_from_this()](const Error& error, size_t) {
                     self->OnWritten(error);
                   });
}

void SpdyLink::OnWritten(const Error& error) {
  std::vector<Done> done;
  for (; writing_ > 0; --writing_) {
    if (queue_.front().done) done.push_back(std::move(queue_.front().done));
    queue_.pop_front();
  }
  if (closed_) return queue_.clear();
  if (error) return Close();
  for (const Done& each : done) each();
  if (closed_) return;
  if (!queue_.empty()) {
    Write();
  } else if (finishing_) {
    SayGoodbye();
  }
  Read();
}

void SpdyLink::Finish() {
  if (closed_ || finishing_) return;
  Queue(GoawayFrame(last_stream_), {}, nullptr);
  finishing_ = true;
  Read();  // a peer that is busy writing might not see what it is sent
}

// Closing at once would cut off what the peer has not read yet, if something
// of it has not been read by us.
void SpdyLink::SayGoodbye() {
  bytes_->ShutdownWrite();
  bytes_->CloseAfter(goodbye_);
  Read();
}

void SpdyLink::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  bytes_->Close();
  // What is under way is let go of when its handler runs.
  queue_.erase(queue_.begin() + static_cast<ptrdiff_t>(writing_), queue_.end());
  streams_.clear();
  if (const auto user = std::exchange(user_, nullptr)) user->OnClosed();
  TellClosed();
}

}  // namespace cri::stream
