// SPDX-License-Identifier: Apache-2.0
// Brake counts what all that comes over a link leaves waiting, and holds the
// link while that is too much. I/O thread only.
#ifndef CORACLE_CRI_STREAM_BRAKE_H_
#define CORACLE_CRI_STREAM_BRAKE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "cri/stream/link.h"

namespace cri::stream {

class Brake {
 public:
  // The link is held while more than `limit` bytes wait.
  Brake(std::shared_ptr<Link> link, size_t limit)
      : link_(std::move(link)), limit_(limit) {}

  // Of one who counted for `before` until now.
  void Count(size_t before, size_t now);
  bool IsOn() const { return on_; }

 private:
  const std::shared_ptr<Link> link_;
  const size_t limit_;
  size_t waiting_ = 0;
  bool on_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_BRAKE_H_
