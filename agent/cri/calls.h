// SPDX-License-Identifier: Apache-2.0
// gRPC calls that are under way: one completion queue and one thread for all of
// them, so that gRPC starts none of its own. The thread keeps their deadlines
// too: gRPC's own timers may be late (agent/command/event_engine.h).
#ifndef CORACLE_AGENT_CRI_CALLS_H_
#define CORACLE_AGENT_CRI_CALLS_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace agent::cri {

// Thread safe.
class Calls {
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

 public:
  struct Call {
    virtual ~Call() = default;
    // Once, on the thread, when `status` is there; must not block.
    virtual void Finish() = 0;

    grpc::ClientContext context;
    grpc::Status status;

   private:
    friend class Calls;
    Time due_;  // not moved when the clock is set, as gRPC's own are not
    bool overdue_ = false;  // guarded by Calls::mutex_
  };

  // `thread_name` has 15 characters at most and outlives the object.
  explicit Calls(const char* thread_name) : thread_name_(thread_name) {}
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // For the call's reader, whose tag is the Call*.
  grpc::CompletionQueue* queue() { return &queue_; }

  // Before a call is started, its context has its deadline already: it is this
  // object's from then on. False after Shutdown: it stays the caller's, and
  // must not be started. The first one starts the thread.
  bool Take(Call* call) ABSL_LOCKS_EXCLUDED(mutex_);

  // Cancels what is under way and waits until all of it has finished.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Cancels the calls that are over their time; when the next one will be.
  Time EndOverdue() ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish(Call* call) ABSL_LOCKS_EXCLUDED(mutex_);

  const char* const thread_name_;
  absl::Mutex mutex_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Call*> active_ ABSL_GUARDED_BY(mutex_);
  // The thread sleeps until then, or until wake_, whose tag is null.
  Time asleep_until_ ABSL_GUARDED_BY(mutex_) = Time::max();
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::CompletionQueue queue_;
  grpc::Alarm wake_;
  std::thread thread_;
};

}  // namespace agent::cri

#endif  // CORACLE_AGENT_CRI_CALLS_H_
