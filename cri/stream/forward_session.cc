// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/forward_session.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/stream/forward.h"
#include "runtime/base/log.h"

namespace cri::stream {
namespace {

constexpr size_t kMaxEarly = 64 << 10;
// Bytes of all connections that wait for the pod before the client is held.
constexpr size_t kMaxWaiting = 16 << 20;

std::optional<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  if (!absl::SimpleAtoi(text, &port) || port == 0 || port > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

ForwardSession::ForwardSession(Host* host, std::shared_ptr<Link> link,
                               ForwardRequest request)
    : host_(host),
      link_(std::move(link)),
      brake_(std::make_shared<Brake>(link_, kMaxWaiting)),
      timer_(host->io()),
      request_(std::make_shared<const ForwardRequest>(std::move(request))) {}

ForwardSession::~ForwardSession() = default;

void ForwardSession::UseChannels() {
  ends_with_last_ = true;
  StreamId channel = 0;
  for (const uint16_t port : request_->ports) {
    const StreamId data = channel++, error = channel++;
    // The first message of each says which port it is for.
    const auto hello = std::make_shared<std::string>();
    hello->push_back(static_cast<char>(port & 0xff));
    hello->push_back(static_cast<char>(port >> 8));
    for (const StreamId id : {data, error}) {
      link_->Send(id, *hello, [hello] {});
    }
    Open(port, data, error);
  }
}

// The two streams of a connection carry the same request id. Very old clients
// send none; their data stream then follows directly after the error stream.
bool ForwardSession::OnStream(StreamId id, const Headers& headers) {
  const absl::string_view type = FindHeader(headers, "streamtype");
  const auto port = ParsePort(FindHeader(headers, "port"));
  if (!port || (type != "data" && type != "error")) return false;
  const bool is_data = type == "data";
  std::string request(FindHeader(headers, "requestid"));
  if (request.empty()) request = absl::StrCat(is_data ? id - 2 : id);
  DropStale();
  const auto it = halves_.find(request);
  if (it == halves_.end()) {
    if (forwards_.size() + halves_.size() >= kMaxConnections) return false;
    const absl::Time until = absl::Now() + host_->timeouts().creation;
    halves_[request] = Half{id, is_data, *port, until};
    return true;
  }
  if (it->second.is_data == is_data || it->second.port != *port) return false;
  const Half half = std::move(it->second);
  halves_.erase(it);
  const StreamId data = is_data ? id : half.id;
  Open(*port, data, is_data ? half.id : id);
  if (!half.early.empty()) OnData(data, half.early);
  if (half.is_data && half.ended) OnEnd(data);
  return true;
}

void ForwardSession::Open(uint16_t port, StreamId data, StreamId error) {
  auto forward = std::make_shared<Forward>(host_, link_, brake_, request_, port,
                                           Forward::Streams{data, error},
                                           [weak = weak_from_this(), data] {
                                             if (const auto self = weak.lock())
                                               self->Forget(data);
                                           });
  forwards_[data] = forward;
  forward->Start();
}

void ForwardSession::Forget(StreamId data) {
  forwards_.erase(data);
  if (ends_with_last_ && forwards_.empty() && link_ != nullptr) {
    link_->Finish();
  }
}

// Looked at whenever a stream comes: only then can there be too many.
void ForwardSession::DropStale() {
  const absl::Time now = absl::Now();
  for (auto it = halves_.begin(); it != halves_.end();) {
    if (it->second.until > now) {
      ++it;
      continue;
    }
    link_->Reset(it->second.id);
    it = halves_.erase(it);
  }
}

ForwardSession::Half* ForwardSession::FindHalf(StreamId id) {
  for (auto& [request, half] : halves_) {
    if (half.id == id) return &half;
  }
  return nullptr;
}

void ForwardSession::OnData(StreamId id, absl::string_view data) {
  const auto it = forwards_.find(id);
  if (it != forwards_.end()) {
    const auto forward = it->second;
    forward->Write(data);
    return WatchIfHeld();
  }
  Half* half = FindHalf(id);
  if (half == nullptr || !half->is_data) return;  // clients say no errors
  half->early.append(data.data(), data.size());
  if (half->early.size() > kMaxEarly) link_->Close();
}

// What is held are all connections, though only one may not be read in the pod.
void ForwardSession::WatchIfHeld() {
  if (watching_ || !brake_->IsOn()) return;
  watching_ = true;
  for (const auto& [id, forward] : forwards_) forward->Mark();
  timer_.expires_after(absl::ToChronoNanoseconds(host_->timeouts().stall));
  timer_.async_wait(
      [weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (error || self == nullptr || self->link_ == nullptr) return;
        self->watching_ = false;
        self->OnWatched();
      });
}

void ForwardSession::OnWatched() {
  if (!brake_->IsOn()) return;
  std::shared_ptr<Forward> most;
  for (const auto& [id, forward] : forwards_) {
    if (most == nullptr || forward->waiting() > most->waiting()) most = forward;
  }
  // One that is alone may wait as long as it likes.
  const bool alone = forwards_.size() + halves_.size() == 1;
  if (most != nullptr && most->IsStuck() && !alone) Cut(*most);
  WatchIfHeld();
}

void ForwardSession::Cut(Forward& forward) {
  runtime::log::Info("port-forward: port ", forward.port(),
                     " of the pod takes nothing, and other connections wait");
  // A client of SPDY ends all its connections if one tells an error.
  if (!ends_with_last_) return forward.Cancel();
  forward.Fail(absl::ResourceExhaustedError(
      "nothing is read there, and other ports wait"));
}

void ForwardSession::OnEnd(StreamId id) {
  const auto it = forwards_.find(id);
  if (it != forwards_.end()) {
    const auto forward = it->second;
    return forward->EndInput();
  }
  if (Half* half = FindHalf(id)) half->ended = true;
}

void ForwardSession::OnReset(StreamId id) {
  const auto it = forwards_.find(id);
  if (it != forwards_.end()) {
    const auto forward = it->second;
    return forward->Cancel();
  }
  for (auto half = halves_.begin(); half != halves_.end(); ++half) {
    if (half->second.id != id) continue;
    halves_.erase(half);
    return;
  }
}

void ForwardSession::OnStopping(const absl::Status& why) {
  if (link_ == nullptr) return;
  const auto forwards = forwards_;  // each leaves the map as it ends
  for (const auto& [id, forward] : forwards) forward->Fail(why);
  if (link_ != nullptr) link_->Finish();
}

void ForwardSession::OnClosed() {
  link_ = nullptr;
  timer_.cancel();
  for (const auto& [id, forward] : std::exchange(forwards_, {})) {
    forward->Close();
  }
  halves_.clear();
}

}  // namespace cri::stream
