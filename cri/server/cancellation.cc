// SPDX-License-Identifier: Apache-2.0
#include "cri/server/cancellation.h"

#include <sys/eventfd.h>

#include "runtime/base/status.h"

namespace cri::server {

void Cancellation::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  // Cannot fail: the counter is at most 1.
  if (event_.ok()) eventfd_write(event_.get(), 1);
}

absl::StatusOr<int> Cancellation::Descriptor() {
  absl::MutexLock lock(&mutex_);
  if (!event_.ok()) {
    event_.reset(eventfd(cancelled_ ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event_.ok()) return runtime::ErrnoStatus("eventfd");
  }
  return event_.get();
}

}  // namespace cri::server
