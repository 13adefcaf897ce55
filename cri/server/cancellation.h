// SPDX-License-Identifier: Apache-2.0
// Cancellation tells a call that runs that nobody waits for it any more: the
// client is gone, gave up, or the call's deadline has passed.
#ifndef CORACLE_CRI_SERVER_CANCELLATION_H_
#define CORACLE_CRI_SERVER_CANCELLATION_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/unique_fd.h"

namespace cri::server {

// Thread safe.
class Cancellation {
 public:
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsCancelled() const { return cancelled_.load(); }
  // A descriptor that is readable once cancelled, for those who wait in poll().
  // It belongs to this object, which makes it when it is first asked for.
  absl::StatusOr<int> Descriptor() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::atomic<bool> cancelled_{false};
  absl::Mutex mutex_;
  runtime::UniqueFd event_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_CANCELLATION_H_
