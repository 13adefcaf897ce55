// SPDX-License-Identifier: Apache-2.0
// UniqueFd owns one file descriptor. Functions that only borrow take an int.
#ifndef CORACLE_RUNTIME_BASE_UNIQUE_FD_H_
#define CORACLE_RUNTIME_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace runtime {

// Move-only; closes on destruction. Not thread safe.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  // Gives the descriptor away.
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (int old = std::exchange(fd_, fd); old >= 0) close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_UNIQUE_FD_H_
