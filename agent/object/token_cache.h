// SPDX-License-Identifier: Apache-2.0
// Service-account tokens, one per pod, audiences and lifetime, made again at
// 80 % of their lifetime or after a day.
#ifndef CORACLE_AGENT_OBJECT_TOKEN_CACHE_H_
#define CORACLE_AGENT_OBJECT_TOKEN_CACHE_H_

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/object/source.h"

namespace agent::object {

// Thread safe. No lock is held over a call to the API server.
class TokenCache {
 public:
  explicit TokenCache(
      api::Client* client,
      std::function<absl::Time()> now = [] { return absl::Now(); })
      : client_(client), now_(std::move(now)) {}

  // A token that lives; the old one if no new one can be had yet.
  absl::StatusOr<Token> Get(const Json& pod,
                            const std::vector<std::string>& audiences,
                            int64_t expiration_seconds)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets the tokens of `uid`.
  void Drop(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // pod uid, service account, audiences, seconds
  using Id =
      std::tuple<std::string, std::string, std::vector<std::string>, int64_t>;
  struct Entry {
    Token token;
    absl::Time issued_at;
    bool fetching = false;
  };

  absl::StatusOr<Token> Request(const Json& pod, const Id& id);

  api::Client* const client_;
  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  absl::CondVar fetched_;
  std::map<Id, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::object

#endif  // CORACLE_AGENT_OBJECT_TOKEN_CACHE_H_
