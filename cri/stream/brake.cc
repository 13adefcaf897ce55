// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/brake.h"

namespace cri::stream {

void Brake::Count(size_t before, size_t now) {
  waiting_ = waiting_ - before + now;
  const bool on = waiting_ > limit_;
  if (on == std::exchange(on_, on)) return;
  on ? link_->Hold() : link_->Release();
}

}  // namespace cri::stream
