// SPDX-License-Identifier: Apache-2.0
// A bounded queue of bytes between the thread that downloads a layer and the
// one that unpacks it, so that neither waits for the other nor memory grows.
#ifndef CORACLE_CRI_IMAGE_PIPE_H_
#define CORACLE_CRI_IMAGE_PIPE_H_

#include <cstddef>
#include <deque>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace cri::image {

// One writer thread, one reader thread.
class Pipe {
 public:
  explicit Pipe(size_t capacity) : capacity_(capacity) {}

  // Blocks while the queue is full; CANCELLED once the reader has gone.
  absl::Status Write(absl::string_view data) ABSL_LOCKS_EXCLUDED(mutex_);
  // The writer's last call; the reader gets `status` after the data.
  void CloseWrite(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  // The next piece, valid until the next call; empty at the end.
  absl::StatusOr<absl::string_view> Read() ABSL_LOCKS_EXCLUDED(mutex_);
  void CloseRead() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const size_t capacity_;
  std::string current_;  // the reader's
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::deque<std::string> pieces_ ABSL_GUARDED_BY(mutex_);
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  bool write_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_PIPE_H_
