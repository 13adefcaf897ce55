// SPDX-License-Identifier: Apache-2.0
// EventBus carries news of sandboxes and containers to the streams of
// GetContainerEvents. Publishing never waits for a reader: a subscriber that
// falls too far behind is cut off and has to list and subscribe again.
#ifndef CORACLE_CRI_SERVER_EVENTS_H_
#define CORACLE_CRI_SERVER_EVENTS_H_

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::server {

using EventPtr = std::shared_ptr<const runtime::v1::ContainerEventResponse>;

// One reader's queue. Thread safe.
class Subscription {
 public:
  // How far it may fall behind. What waits is always the latest of all events,
  // and shared with the other readers: together they keep no more than one.
  static constexpr size_t kMostPending = 4096;
  static constexpr size_t kMostPendingBytes = 16 << 20;  // on the wire

  // `wake` is called, without a lock held, when something is there to take.
  explicit Subscription(std::function<void()> wake) : wake_(std::move(wake)) {}

  // The oldest event, or null. After an end, which `end` then tells, nothing
  // comes any more: events were lost (RESOURCE_EXHAUSTED), or the server stops
  // (UNAVAILABLE).
  EventPtr Take(absl::Status* end) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class EventBus;
  // `size` in bytes on the wire. One event alone may be of any size. Wakes
  // nobody.
  void Put(const EventPtr& event, size_t size) ABSL_LOCKS_EXCLUDED(mutex_);
  void Clear() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& reason) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<void()> wake_;
  absl::Mutex mutex_;
  std::deque<std::pair<EventPtr, size_t>> pending_ ABSL_GUARDED_BY(mutex_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);  // OK = goes on
};

// Thread safe.
class EventBus {
 public:
  std::shared_ptr<Subscription> Subscribe(std::function<void()> wake)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Unsubscribe(const std::shared_ptr<Subscription>& subscription)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // One event after another is made, by a function that reads the state which
  // is told, and given to all: so every reader gets the same order, in which
  // `now` never goes back, and no state is older than the time it is told with.
  using Make = std::function<EventPtr(absl::Time now)>;
  void Publish(const Make& make) ABSL_LOCKS_EXCLUDED(order_, mutex_);
  // Ends all streams.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);
  // Saves the work of making an event that nobody wants.
  bool HasSubscribers() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex order_ ABSL_ACQUIRED_BEFORE(mutex_);
  absl::Time last_ ABSL_GUARDED_BY(order_) = absl::InfinitePast();
  mutable absl::Mutex mutex_;
  std::set<std::shared_ptr<Subscription>> subscriptions_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_EVENTS_H_
