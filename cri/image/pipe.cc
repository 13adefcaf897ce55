// SPDX-License-Identifier: Apache-2.0
#include "cri/image/pipe.h"

#include <utility>

namespace cri::image {

absl::Status Pipe::Write(absl::string_view data) {
  absl::MutexLock lock(&mutex_);
  while (size_ >= capacity_ && !read_closed_) changed_.Wait(&mutex_);
  if (read_closed_) return absl::CancelledError("the layer is not wanted");
  pieces_.emplace_back(data);
  size_ += data.size();
  changed_.Signal();
  return absl::OkStatus();
}

void Pipe::CloseWrite(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  write_closed_ = true;
  status_ = status;
  changed_.Signal();
}

absl::StatusOr<absl::string_view> Pipe::Read() {
  absl::MutexLock lock(&mutex_);
  while (pieces_.empty() && !write_closed_) changed_.Wait(&mutex_);
  if (pieces_.empty()) {
    if (!status_.ok()) return status_;
    return absl::string_view();
  }
  current_ = std::move(pieces_.front());
  pieces_.pop_front();
  size_ -= current_.size();
  changed_.Signal();
  return absl::string_view(current_);
}

void Pipe::CloseRead() {
  absl::MutexLock lock(&mutex_);
  read_closed_ = true;
  pieces_.clear();
  size_ = 0;
  changed_.Signal();
}

}  // namespace cri::image
