// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/process_session.h"

#include <utility>

#include "cri/stream/status_text.h"
#include "runtime/base/log.h"

namespace cri::stream {
namespace {

using Error = boost::system::error_code;

// The values of the header streamtype, by role.
constexpr absl::string_view kTypes[kRoles] = {"stdin", "stdout", "stderr",
                                              "error", "resize"};
// Input that a client may send before it has opened its streams.
constexpr size_t kMaxEarly = 64 << 10;
// Input that waits for the process before the client is held.
constexpr size_t kMaxWaiting = 64 << 10;

}  // namespace

ProcessSession::ProcessSession(Host* host, std::shared_ptr<Link> link,
                               ProcessRequest request, Dialect dialect)
    : host_(host),
      link_(std::move(link)),
      request_(std::move(request)),
      dialect_(dialect),
      timer_(host->io()) {}

bool ProcessSession::Wants(Role role) const {
  switch (role) {
    case Role::kIn:
      return request_.in;
    case Role::kOut:
      return request_.out;
    case Role::kErr:
      return request_.err;
    case Role::kError:
      return true;
    case Role::kResize:
      return request_.tty && dialect_.resize;
  }
  return false;
}

bool ProcessSession::Is(StreamId id, Role role) const {
  return ids_[static_cast<size_t>(role)] == id;
}

void ProcessSession::AwaitStreams() {
  timer_.expires_after(absl::ToChronoNanoseconds(host_->timeouts().creation));
  timer_.async_wait([weak = weak_from_this()](const Error& error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->link_ == nullptr) return;
    runtime::log::Debug("streaming client did not open its streams in time");
    self->link_->Close();
  });
}

void ProcessSession::UseChannels() {
  for (size_t i = 0; i < kRoles; ++i) {
    if (Wants(static_cast<Role>(i))) ids_[i] = static_cast<StreamId>(i);
  }
  OpenIfComplete();
}

bool ProcessSession::OnStream(StreamId id, const Headers& headers) {
  const absl::string_view type = FindHeader(headers, "streamtype");
  for (size_t i = 0; i < kRoles; ++i) {
    if (type != kTypes[i]) continue;
    if (ids_[i] || !Wants(static_cast<Role>(i))) return false;
    ids_[i] = id;
    OpenIfComplete();
    return true;
  }
  return false;
}

void ProcessSession::OpenIfComplete() {
  for (size_t i = 0; i < kRoles; ++i) {
    const auto role = static_cast<Role>(i);
    if (Wants(role) && !ids_[i]) return;
  }
  if (std::exchange(opening_, true)) return;
  timer_.cancel();
  link_->Hold();  // until there is something that takes the input
  host_->Block([self = shared_from_this()]() -> std::function<void()> {
    auto opened = self->request_.open();
    auto shared = opened.ok()
                      ? absl::StatusOr<Session>(Session(std::move(*opened)))
                      : absl::StatusOr<Session>(opened.status());
    return [self, shared = std::move(shared)] { self->OnOpened(shared); };
  });
}

void ProcessSession::OnOpened(absl::StatusOr<Session> opened) {
  if (!opened.ok()) return Finish(opened.status());
  session_ = *std::move(opened);
  if (link_ == nullptr || finished_) return CloseFlows();
  StartFlows();
  session_->OnExit(
      [host = host_, weak = weak_from_this()](absl::StatusOr<int> result) {
        host->Post([weak, result = std::move(result)] {
          if (const auto self = weak.lock()) self->OnExit(result);
        });
      });
  link_->Release();
}

void ProcessSession::StartFlows() {
  if (size_) (void)session_->Resize(size_->rows, size_->columns);
  if (request_.in && session_->in.ok()) {
    if (auto fd = Watch(host_->io(), std::move(session_->in))) {
      in_ =
          std::make_shared<Inflow>(std::make_shared<Brake>(link_, kMaxWaiting));
      in_->Start(std::move(fd));
    }
  }
  if (!early_.empty()) OnInput(std::exchange(early_, ""));
  if (early_end_) EndInput();
  out_ = Flow(std::move(session_->out), Role::kOut);
  err_ = Flow(std::move(session_->err), Role::kErr);
  // Kept apart: the first may end within its start.
  if (const auto flow = out_) flow->Start();
  if (const auto flow = err_) flow->Start();
}

std::shared_ptr<Outflow> ProcessSession::Flow(runtime::UniqueFd fd, Role role) {
  if (!Wants(role) || !fd.ok()) return nullptr;
  auto descriptor = Watch(host_->io(), std::move(fd));
  if (descriptor == nullptr) return nullptr;
  return std::make_shared<Outflow>(
      link_, *IdOf(role), std::move(descriptor),
      [self = shared_from_this(), role] { self->OnOutputEnd(role); });
}

void ProcessSession::OnData(StreamId id, absl::string_view data) {
  if (finished_) return;
  if (Is(id, Role::kIn)) return OnInput(data);
  if (!Is(id, Role::kResize)) return;
  const auto size = resize_.Feed(data);
  if (!size) return;
  size_ = size;
  // Without a terminal there is nothing to be done about it.
  if (Opened()) (void)session_->Resize(size->rows, size->columns);
}

void ProcessSession::OnInput(absl::string_view data) {
  if (Opened()) {
    if (in_ != nullptr) in_->Write(data);
    return;
  }
  early_.append(data.data(), data.size());
  if (!opening_ && early_.size() > kMaxEarly) link_->Close();
}

void ProcessSession::OnEnd(StreamId id) {
  if (finished_ || !Is(id, Role::kIn)) return;
  if (Opened()) return EndInput();
  early_end_ = true;
}

void ProcessSession::OnReset(StreamId id) { OnEnd(id); }

void ProcessSession::EndInput() {
  if (in_ == nullptr) return session_->CloseInput();
  in_->End([this] {
    // A terminal has no end of input; its other side would see a hang-up.
    if (!request_.tty) in_->Close();
    session_->CloseInput();
  });
}

void ProcessSession::OnOutputEnd(Role role) {
  if (finished_ || link_ == nullptr) return;
  (role == Role::kOut ? out_ : err_) = nullptr;
  link_->SendEnd(*IdOf(role));
  FinishIfDone();
}

void ProcessSession::OnExit(absl::StatusOr<int> result) {
  if (finished_ || link_ == nullptr || result_) return;
  result_ = std::move(result);
  if (in_ != nullptr) in_->Close();
  FinishIfDone();
  AwaitLeftover();
}

// What the process left running may hold the output open for ever.
void ProcessSession::AwaitLeftover() {
  if (finished_) return;
  timer_.expires_after(absl::ToChronoNanoseconds(host_->timeouts().leftover));
  timer_.async_wait([weak = weak_from_this()](const Error& error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->link_ == nullptr) return;
    for (const auto& flow : {self->out_, self->err_}) {
      if (flow != nullptr && flow->IsSilent()) flow->Cut();
    }
    self->AwaitLeftover();
  });
}

void ProcessSession::FinishIfDone() {
  if (!result_ || out_ != nullptr || err_ != nullptr) return;
  // How the container ended is not how the attach went.
  const bool attached = request_.attach && result_->ok();
  Finish(attached ? absl::StatusOr<int>(0) : *result_);
}

void ProcessSession::Finish(const absl::StatusOr<int>& result) {
  if (link_ == nullptr || std::exchange(finished_, true)) return;
  timer_.cancel();
  CloseFlows();
  for (const Role role : {Role::kOut, Role::kErr}) {
    if (IdOf(role)) link_->SendEnd(*IdOf(role));
  }
  const auto text =
      std::make_shared<std::string>(StatusText(result, dialect_.json_status));
  if (!text->empty()) link_->Send(*IdOf(Role::kError), *text, [text] {});
  link_->SendEnd(*IdOf(Role::kError));
  link_->Finish();
}

void ProcessSession::CloseFlows() {
  if (in_ != nullptr) std::exchange(in_, nullptr)->Close();
  if (out_ != nullptr) std::exchange(out_, nullptr)->Close();
  if (err_ != nullptr) std::exchange(err_, nullptr)->Close();
  // Letting go of a process may take a moment.
  if (session_ != nullptr) {
    host_->Block([session = std::exchange(
                      session_, nullptr)]() mutable -> std::function<void()> {
      session = nullptr;
      return nullptr;
    });
  }
}

void ProcessSession::OnStopping(const absl::Status& why) {
  if (finished_ || link_ == nullptr) return;
  // Before it has opened its streams, a client has no place for a reason.
  if (!IdOf(Role::kError)) return link_->Close();
  Finish(why);
}

void ProcessSession::OnClosed() {
  link_ = nullptr;
  timer_.cancel();
  CloseFlows();
}

}  // namespace cri::stream
