// SPDX-License-Identifier: Apache-2.0
// ConfigMaps and Secrets of the pods on this node. The node may read them one
// by one only, so there is no watch over all: each is read when a pod first
// needs it and again from time to time.
#ifndef CORACLE_AGENT_OBJECT_OBJECT_CACHE_H_
#define CORACLE_AGENT_OBJECT_OBJECT_CACHE_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/api/client.h"
#include "agent/object/references.h"
#include "agent/object/source.h"

namespace agent::object {

// Thread safe. No lock is held over a call to the API server; callers that want
// the same object at the same time share one call.
class ObjectCache {
 public:
  explicit ObjectCache(api::Client* client) : client_(client) {}

  // Cached if a registered pod refers to it, read from the server otherwise.
  // While the server cannot be reached, the last known object is given.
  absl::StatusOr<JsonPtr> Get(const Key& key) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sets what `uid` refers to. What was not known before is read anew by the
  // next Get, so that a pod never starts with older objects than its own;
  // returned for prefetching.
  std::vector<Key> Register(const std::string& uid, std::set<Key> keys)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Unregister(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);

  // Reads every object that may change again; the UIDs of pods whose objects
  // did. Ends early when `stopping` says so.
  std::set<std::string> Refresh(const std::function<bool()>& stopping)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    JsonPtr object;  // null: not read yet or gone
    bool fresh = false;
    bool fetching = false;
    std::set<std::string> pods;
  };

  absl::StatusOr<JsonPtr> Fetch(const Key& key);
  // Fetches into `entry`, which `fetching` keeps for this caller.
  absl::StatusOr<JsonPtr> FetchInto(const Key& key,
                                    const std::shared_ptr<Entry>& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const std::string& uid, const std::set<Key>& keys)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  api::Client* const client_;
  absl::Mutex mutex_;
  absl::CondVar fetched_;
  std::map<Key, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::set<Key>> pods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::object

#endif  // CORACLE_AGENT_OBJECT_OBJECT_CACHE_H_
