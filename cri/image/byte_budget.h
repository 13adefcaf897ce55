// SPDX-License-Identifier: Apache-2.0
// How many bytes a second all downloads together may take from the network.
#ifndef CORACLE_CRI_IMAGE_BYTE_BUDGET_H_
#define CORACLE_CRI_IMAGE_BYTE_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cri/image/http.h"

namespace cri::image {

// Thread safe. Who takes waits in line, so that transfers that take pieces of
// one size get equal shares.
class ByteBudget {
 public:
  // 0 bytes a second: as many as there are. `now` is for tests.
  explicit ByteBudget(int64_t bytes_per_second,
                      std::function<absl::Time()> now = absl::Now)
      : now_(std::move(now)), last_(now_()), rate_(bytes_per_second) {}

  // Also for those that wait.
  void SetRate(int64_t bytes_per_second) ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns when `size` bytes more are in the budget, or with what `control`
  // ends the wait.
  absl::Status Take(size_t size, const Control& control)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // How much has to be allowed until `size` bytes more are; nothing: at once.
  std::optional<double> Ask(size_t size) ABSL_LOCKS_EXCLUDED(mutex_);
  // True if that much is; else it has waited for a moment.
  bool WaitFor(double wanted) ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds what the time since the last call is worth.
  void Grant() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Time()> now_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  absl::Time last_ ABSL_GUARDED_BY(mutex_);
  int64_t rate_ ABSL_GUARDED_BY(mutex_);
  // Bytes since the beginning: asked for, and allowed.
  double asked_ ABSL_GUARDED_BY(mutex_) = 0;
  double granted_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_BYTE_BUDGET_H_
