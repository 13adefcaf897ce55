// SPDX-License-Identifier: Apache-2.0
#include "cri/server/event_stream.h"

#include "cri/server/errors.h"

namespace cri::server {
namespace {

using Event = runtime::v1::ContainerEventResponse;

// Writes one event after another. gRPC allows one write at a time and nothing
// after Finish; `mutex_` guards that choice, the call itself is made without
// it: an operation under way keeps the reactor alive.
class EventStream : public grpc::ServerWriteReactor<Event> {
 public:
  explicit EventStream(EventBus& bus) : bus_(bus) {
    link_ = std::make_shared<Link>();
    link_->stream = this;
    subscription_ = bus_.Subscribe([link = link_] { link->Wake(); });
    StartSendInitialMetadata();
    Pump();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) cancelled_ = true;
    }
    Pump();
  }

  void OnCancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    Pump();
  }

  void OnDone() override {
    bus_.Unsubscribe(subscription_);
    link_->Cut();
    delete this;
  }

 private:
  // Outlives the stream in the bus's hands; a wake after the end does nothing.
  struct Link {
    absl::Mutex mutex;
    EventStream* stream ABSL_GUARDED_BY(mutex) = nullptr;

    void Wake() {
      absl::MutexLock lock(&mutex);
      if (stream != nullptr) stream->Pump();
    }
    void Cut() {
      absl::MutexLock lock(&mutex);
      stream = nullptr;
    }
  };

  void Pump() {
    absl::Status end;
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || finished_) return;
      EventPtr next = subscription_->Take(&end);
      if (cancelled_) end = absl::CancelledError("the client is gone");
      if (end.ok() && next == nullptr) return;
      finished_ = !end.ok();
      writing_ = end.ok();
      current_ = std::move(next);
    }
    if (end.ok()) {
      StartWrite(current_.get());
    } else {
      Finish(ToGrpcStatus(end));
    }
  }

  EventBus& bus_;
  std::shared_ptr<Link> link_;
  std::shared_ptr<Subscription> subscription_;
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  EventPtr current_;  // kept until its write is done
};

}  // namespace

grpc::ServerWriteReactor<Event>* OpenEventStream(EventBus& bus) {
  return new EventStream(bus);
}

}  // namespace cri::server
