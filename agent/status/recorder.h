// SPDX-License-Identifier: Apache-2.0
// Recorder writes v1.Events: repeats become a count, a chatty object is limited
// (25 at once, then one every 5 minutes), and nothing ever waits for the API
// server: posting happens on the recorder's own queue.
#ifndef CORACLE_AGENT_STATUS_RECORDER_H_
#define CORACLE_AGENT_STATUS_RECORDER_H_

#include <atomic>
#include <deque>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::status {

using runtime::Json;

// kProgress is a normal one that is left out where its pod has had much to tell
// already.
enum class EventType { kNormal, kWarning, kProgress };

// Thread safe. Without a client (standalone node) events only go to the log.
class Recorder {
 public:
  Recorder(api::Client* client, runtime::Executor* executor,
           std::string node_name);

  // `container` is "" for the pod itself, else "spec.containers{c}".
  void Event(const Json& pod, const std::string& field_path, EventType type,
             const std::string& reason, const std::string& message)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Events that have not been sent are given up.
  void Stop() { stopped_ = true; }

 private:
  struct Entry {
    Json object;  // as the server knows it
    int64_t count = 0;
    absl::Time last;
  };
  struct Budget {
    double tokens = 25;
    absl::Time refilled;
  };

  bool Allowed(const std::string& object, EventType type, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Post(const std::string& key, const Json& event)
      ABSL_LOCKS_EXCLUDED(mutex_);

  api::Client* const client_;
  runtime::Executor* const executor_;
  const std::string node_name_;
  runtime::SerialQueue queue_;
  std::atomic<bool> stopped_ = false;
  absl::Mutex mutex_;
  std::map<std::string, Entry> seen_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Budget> budgets_ ABSL_GUARDED_BY(mutex_);
  int64_t last_name_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace agent::status

#endif  // CORACLE_AGENT_STATUS_RECORDER_H_
