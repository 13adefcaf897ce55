// SPDX-License-Identifier: Apache-2.0
// Backlog keeps bytes that cannot be passed on yet, in their order. Memory is
// given back as they go, also if some are there all the time. Not thread safe.
#ifndef CORACLE_CRI_STREAM_BACKLOG_H_
#define CORACLE_CRI_STREAM_BACKLOG_H_

#include <cstddef>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"

namespace cri::stream {

class Backlog {
 public:
  void Append(absl::string_view data);
  // The first bytes, as many as lie together; empty if there are none. Valid
  // until the next call of another method.
  absl::string_view Front() const;
  // Drops the first `size` bytes of Front.
  void RemovePrefix(size_t size);
  void Clear();

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::deque<std::string> chunks_;  // none is empty
  size_t gone_ = 0;                 // of the first chunk
  size_t size_ = 0;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_BACKLOG_H_
