// SPDX-License-Identifier: Apache-2.0
// A small map whose entries expire; for answers of webhooks.
#ifndef CORACLE_AGENT_SERVER_TTL_CACHE_H_
#define CORACLE_AGENT_SERVER_TTL_CACHE_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace agent::server {

using Clock = std::function<absl::Time()>;

// Thread safe. Holds at most kMaxEntries; when full, all are dropped: callers
// that send ever new keys cost themselves the cache, not us the memory.
template <typename Value>
class TtlCache {
 public:
  explicit TtlCache(Clock now) : now_(std::move(now)) {}

  std::optional<Value> Get(const std::string& key) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    auto it = entries_.find(key);
    if (it == entries_.end()) return std::nullopt;
    if (it->second.second <= now_()) {
      entries_.erase(it);
      return std::nullopt;
    }
    return it->second.first;
  }
  void Put(const std::string& key, Value value, absl::Duration ttl)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    if (ttl <= absl::ZeroDuration()) return;
    absl::MutexLock lock(&mutex_);
    if (entries_.size() >= kMaxEntries) entries_.clear();
    entries_[key] = {std::move(value), now_() + ttl};
  }

 private:
  static constexpr size_t kMaxEntries = 4096;

  const Clock now_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::pair<Value, absl::Time>> entries_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_TTL_CACHE_H_
