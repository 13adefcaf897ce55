// SPDX-License-Identifier: Apache-2.0
// The end of a daemon, SIGTERM or SIGINT, and SIGHUP, which makes it read its
// configuration again.
#ifndef CORACLE_AGENT_COMMAND_SIGNALS_H_
#define CORACLE_AGENT_COMMAND_SIGNALS_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/api/client.h"

namespace agent::command {

// At most one at a time. Handlers, not a blocked mask, because a mask would
// pass on to the launcher and with it to every container.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();

  // Cancelled by the signal; for calls that wait long.
  const api::CancelToken& token() const { return token_; }
  bool stopped() const { return stopped_.HasBeenNotified(); }
  // False if no signal comes within `time`.
  bool WaitFor(absl::Duration time) const {
    return stopped_.WaitForNotificationWithTimeout(time);
  }

  // Called for each SIGHUP, on a thread of this object; null ignores it. When
  // this returns, the one before is not called any more.
  void OnHangUp(std::function<void()> reload) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const api::CancelToken token_;
  absl::Notification stopped_;
  absl::Mutex mutex_;
  std::function<void()> reload_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Tells systemd, if it listens (NOTIFY_SOCKET): "READY=1", "STOPPING=1".
void NotifySystemd(const char* state);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_SIGNALS_H_
