// SPDX-License-Identifier: Apache-2.0
// The stream of GetContainerEvents.
#ifndef CORACLE_CRI_SERVER_EVENT_STREAM_H_
#define CORACLE_CRI_SERVER_EVENT_STREAM_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/server/events.h"

namespace cri::server {

// Writes one event after another. Thread safe.
class EventStream {
 public:
  // Where it writes: one thing at a time, each answered by OnWritten, and
  // nothing after Finish. Its calls return at once.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void WriteHeaders() = 0;
    virtual void WriteEvent(const runtime::v1::ContainerEventResponse&) = 0;
    virtual void Finish(const absl::Status& status) = 0;
  };

  // Subscribes, and sends headers at once, by which a client knows that from
  // now on it misses nothing. `bus` and `sink` outlive it; the sink is used
  // until Finish, which always comes.
  EventStream(EventBus& bus, Sink& sink);
  // Nothing runs in it any more.
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // What was written last is on its way, or the client is gone.
  void OnWritten(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Outlives the stream in the bus's hands; a wake after the end does nothing.
  struct Link {
    absl::Mutex mutex;
    EventStream* stream ABSL_GUARDED_BY(mutex) = nullptr;

    void Wake();
    void Cut();
  };

  void Pump() ABSL_LOCKS_EXCLUDED(mutex_);

  EventBus& bus_;
  Sink& sink_;
  std::shared_ptr<Link> link_;
  std::shared_ptr<Subscription> subscription_;
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;  // the headers
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_EVENT_STREAM_H_
