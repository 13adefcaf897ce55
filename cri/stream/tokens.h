// SPDX-License-Identifier: Apache-2.0
// Tokens are the keys of the streaming URLs: whoever has one may use it once,
// within a minute.
#ifndef CORACLE_CRI_STREAM_TOKENS_H_
#define CORACLE_CRI_STREAM_TOKENS_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cri/stream/request.h"

namespace cri::stream {

// Thread safe.
class Tokens {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr absl::Duration kLifetime = absl::Minutes(1);

  // Time comes from `now`.
  explicit Tokens(std::function<absl::Time()> now = absl::Now)
      : now_(std::move(now)) {}

  // 22 characters of base64url, 128 random bits. RESOURCE_EXHAUSTED while kMost
  // tokens are out.
  absl::StatusOr<std::string> Issue(Request request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What it stands for, once; nothing if it is unknown, used or too old.
  std::optional<Request> Redeem(absl::string_view token)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Request request;
    absl::Time until;
  };
  void DropOld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> by_age_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_TOKENS_H_
