// SPDX-License-Identifier: Apache-2.0
// Writer carries pod statuses to the API server: latest wins, one call per pod
// at a time, a few pods in parallel, retried with back-off. It runs off the pod
// workers, so a slow API server never holds up a pod.
#ifndef CORACLE_AGENT_STATUS_WRITER_H_
#define CORACLE_AGENT_STATUS_WRITER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::status {

using runtime::Json;

// The strategic merge patch that turns `before` (as the API server has it) into
// `after`: whole lists where there is no merge key, delete directives for IPs
// and null for keys that went away. Never touches what others own. Null if
// nothing differs.
Json MakePatch(const std::string& uid, const Json& before, const Json& after);

// Thread safe. Call Stop before the client goes away.
class Writer {
 public:
  // `client` may be null: then nothing is written and nothing waits.
  Writer(api::Client* client, runtime::Executor* executor);

  // What the server has, before the first Set.
  void Seed(const std::string& uid, std::shared_ptr<const Json> status)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // `pod` names the object. A status that is not `urgent` (nothing but "still
  // creating") may wait a moment for a better one.
  void Set(std::shared_ptr<const Json> pod, std::shared_ptr<const Json> status,
           bool urgent) ABSL_LOCKS_EXCLUDED(mutex_);
  // `object` is pod `uid`, or its mirror, as the API server shows it. If that
  // is newer than the last write and says otherwise of what is the agent's own
  // (drift.h), the latest status is written again, at most once a second. A
  // server that keeps its own form of it after that has its way.
  void Observe(const std::string& uid, const Json& object)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The pod object of a static pod has the UID `target` on the server; "" while
  // there is none.
  void SetTarget(const std::string& uid, const std::string& target)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // After the last status is written, deletes the pod (grace 0, UID
  // precondition). `done` runs once, when the object is gone.
  void Delete(std::shared_ptr<const Json> pod, std::function<void()> done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Forget(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<const Json> pod;
    std::shared_ptr<const Json> latest;   // the last one given
    std::shared_ptr<const Json> wanted;   // null: nothing to write
    std::shared_ptr<const Json> written;  // what the server has, if known
    std::string version;  // of the object, after the last write or look
    std::shared_ptr<const Json> seen;  // newer object, not compared yet
    Json insisted;  // own part that the server keeps, whatever we write
    absl::Time last_repair = absl::InfinitePast();
    std::string target;
    bool is_static = false;
    std::function<void()> on_deleted;
    bool deleting = false;
    bool busy = false;  // a call or a timer is under way
    bool queued = false;
    bool forgotten = false;
    absl::Time not_before = absl::InfinitePast();
    absl::Duration pause;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr GetEntry(const std::string& uid)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Compares what was seen with what should be there.
  void Repair(const EntryPtr& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Schedule(const EntryPtr& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  // One step for one pod; a status to retry on, or OK.
  absl::Status Step(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteStatus(const EntryPtr& entry, const Json& pod,
                           const std::string& uid,
                           std::shared_ptr<const Json> wanted,
                           std::shared_ptr<const Json> before)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes the server's answer to a write of `wanted` into account.
  void TakeAnswer(const EntryPtr& entry, const Json& answer,
                  std::shared_ptr<const Json> wanted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A write was refused as a conflict: OK if the pod is gone or another one has
  // its name, else `why`, and the next try starts from what the server has.
  absl::Status AfterConflict(const EntryPtr& entry, const Json& pod,
                             const std::string& uid, const absl::Status& why)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status DeletePod(const EntryPtr& entry, const Json& pod)
      ABSL_LOCKS_EXCLUDED(mutex_);

  api::Client* const client_;
  runtime::Executor* const executor_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<EntryPtr> ready_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, EntryPtr> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::status

#endif  // CORACLE_AGENT_STATUS_WRITER_H_
