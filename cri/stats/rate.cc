// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/rate.h"

namespace cri::stats {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(1);
// Below this the rate says more about the kernel's clock ticks than the load.
constexpr absl::Duration kShortest = absl::Milliseconds(100);

}  // namespace

std::optional<uint64_t> CpuRate::Add(absl::Time now, uint64_t used_ns) {
  if (last_.has_value() && (used_ns < last_->used_ns || now < last_->at)) {
    base_.reset();
    last_.reset();
  }
  if (!last_.has_value()) {
    last_ = Reading{now, used_ns};
    return std::nullopt;
  }
  if (!base_.has_value() || now - last_->at >= kWindow) {
    base_ = last_;
    if (now - last_->at >= kWindow) last_ = Reading{now, used_ns};
  }
  const absl::Duration window = now - base_->at;
  if (window < kShortest) return std::nullopt;
  return static_cast<uint64_t>(static_cast<double>(used_ns - base_->used_ns) /
                               absl::ToDoubleSeconds(window));
}

}  // namespace cri::stats
