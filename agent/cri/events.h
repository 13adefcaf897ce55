// SPDX-License-Identifier: Apache-2.0
// EventReader turns the CRI's news into callbacks: the GetContainerEvents
// stream where the server has one, else a one-second relist. After every
// (re)connect `on_relist` asks for a full look, because events may have been
// missed.
#ifndef CORACLE_AGENT_CRI_EVENTS_H_
#define CORACLE_AGENT_CRI_EVENTS_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/cri/client.h"

namespace agent::cri {

struct EventReaderOptions {
  absl::Duration relist = absl::Seconds(60);          // beside the stream
  absl::Duration relist_fallback = absl::Seconds(1);  // without one
};

// Callbacks run on the reader's own thread. The destructor ends the stream and
// joins.
class EventReader {
 public:
  using OnEvent = std::function<void(v1::ContainerEventResponse)>;

  EventReader(Client* client, EventReaderOptions options, OnEvent on_event,
              std::function<void()> on_relist);
  ~EventReader();

 private:
  void Run();
  // False if the server has no event stream.
  bool ReadStream();
  // Sleeps; false if stopping.
  bool Wait(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);

  Client* const client_;
  const EventReaderOptions options_;
  const OnEvent on_event_;
  const std::function<void()> on_relist_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace agent::cri

#endif  // CORACLE_AGENT_CRI_EVENTS_H_
