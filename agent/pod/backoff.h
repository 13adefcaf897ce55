// SPDX-License-Identifier: Apache-2.0
// Backoff doubles a delay from `initial` to `max` and forgets it after twice
// `max` without use. Not thread safe: it belongs to one worker.
#ifndef CORACLE_AGENT_POD_BACKOFF_H_
#define CORACLE_AGENT_POD_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace agent::pod {

class Backoff {
 public:
  Backoff(absl::Duration initial, absl::Duration max)
      : initial_(initial), max_(max) {}

  // When something that failed at `event` may be tried again; the past if it
  // may now.
  absl::Time RetryAt(absl::Time event, absl::Time now) const {
    if (delay_ == absl::ZeroDuration() || now - updated_ > 2 * max_) {
      return absl::InfinitePast();
    }
    return event + delay_;
  }
  // The next failure counted from `event` waits longer.
  void Next(absl::Time event, absl::Time now) {
    bool fresh = delay_ == absl::ZeroDuration() || event - updated_ > 2 * max_;
    delay_ = std::min(fresh ? initial_ : delay_ * 2, max_);
    updated_ = now;
  }
  void Reset() { delay_ = absl::ZeroDuration(); }
  absl::Duration delay() const { return delay_; }

 private:
  absl::Duration initial_, max_;
  absl::Duration delay_;
  absl::Time updated_ = absl::InfinitePast();
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_BACKOFF_H_
