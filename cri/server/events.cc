// SPDX-License-Identifier: Apache-2.0
#include "cri/server/events.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cri::server {

EventPtr Subscription::Take(absl::Status* end) {
  absl::MutexLock lock(&mutex_);
  *end = end_;
  if (pending_.empty()) return nullptr;
  EventPtr event = std::move(pending_.front().first);
  pending_bytes_ -= pending_.front().second;
  pending_.pop_front();
  return event;
}

void Subscription::Clear() {
  pending_.clear();
  pending_bytes_ = 0;
}

void Subscription::Put(const EventPtr& event, size_t size) {
  absl::MutexLock lock(&mutex_);
  if (!end_.ok()) return;
  if (pending_.empty() || (pending_.size() < kMostPending &&
                           pending_bytes_ + size <= kMostPendingBytes)) {
    pending_.emplace_back(event, size);
    pending_bytes_ += size;
    return;
  }
  end_ = absl::ResourceExhaustedError(
      absl::StrCat("events were lost: the reader is ", pending_.size(),
                   " events of ", pending_bytes_, " bytes behind"));
  Clear();
}

void Subscription::End(const absl::Status& reason) {
  {
    absl::MutexLock lock(&mutex_);
    Clear();
    end_ = reason;
  }
  wake_();
}

std::shared_ptr<Subscription> EventBus::Subscribe(std::function<void()> wake) {
  auto subscription = std::make_shared<Subscription>(std::move(wake));
  absl::MutexLock lock(&mutex_);
  subscriptions_.insert(subscription);
  return subscription;
}

void EventBus::Unsubscribe(const std::shared_ptr<Subscription>& subscription) {
  absl::MutexLock lock(&mutex_);
  subscriptions_.erase(subscription);
}

void EventBus::Publish(const Make& make) {
  std::set<std::shared_ptr<Subscription>> readers;
  {
    absl::MutexLock order(&order_);
    last_ = std::max(last_, absl::Now());  // the clock may be set back
    const EventPtr event = make(last_);
    const size_t size = event->ByteSizeLong();
    {
      absl::MutexLock lock(&mutex_);
      readers = subscriptions_;
    }
    for (const auto& reader : readers) reader->Put(event, size);
  }
  for (const auto& reader : readers) reader->wake_();
}

void EventBus::Close() {
  std::set<std::shared_ptr<Subscription>> readers;
  {
    absl::MutexLock lock(&mutex_);
    readers = subscriptions_;
  }
  for (const auto& reader : readers) {
    reader->End(absl::UnavailableError("the server is stopping"));
  }
}

bool EventBus::HasSubscribers() const {
  absl::MutexLock lock(&mutex_);
  return !subscriptions_.empty();
}

}  // namespace cri::server
