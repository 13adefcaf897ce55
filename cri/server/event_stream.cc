// SPDX-License-Identifier: Apache-2.0
#include "cri/server/event_stream.h"

#include <utility>

namespace cri::server {

void EventStream::Link::Wake() {
  absl::MutexLock lock(&mutex);
  if (stream != nullptr) stream->Pump();
}

void EventStream::Link::Cut() {
  absl::MutexLock lock(&mutex);
  stream = nullptr;
}

EventStream::EventStream(EventBus& bus, Sink& sink)
    : bus_(bus), sink_(sink), link_(std::make_shared<Link>()) {
  {
    absl::MutexLock lock(&link_->mutex);
    link_->stream = this;
  }
  subscription_ = bus_.Subscribe([link = link_] { link->Wake(); });
  sink_.WriteHeaders();
}

EventStream::~EventStream() {
  bus_.Unsubscribe(subscription_);
  link_->Cut();
}

void EventStream::OnWritten(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) cancelled_ = true;
  }
  Pump();
}

void EventStream::OnCancel() {
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  Pump();
}

// `mutex_` guards the choice of what comes next; it is done without the lock.
void EventStream::Pump() {
  absl::Status end;
  EventPtr next;
  {
    absl::MutexLock lock(&mutex_);
    if (writing_ || finished_) return;
    next = subscription_->Take(&end);
    if (cancelled_) end = absl::CancelledError("the client is gone");
    if (end.ok() && next == nullptr) return;
    finished_ = !end.ok();
    writing_ = end.ok();
  }
  if (end.ok()) {
    sink_.WriteEvent(*next);
  } else {
    sink_.Finish(end);
  }
}

}  // namespace cri::server
