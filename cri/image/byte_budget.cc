// SPDX-License-Identifier: Apache-2.0
#include "cri/image/byte_budget.h"

#include <algorithm>

#include "runtime/base/status.h"

namespace cri::image {
namespace {

// What a pause leaves over: enough that no thread has to wake up for each
// packet.
constexpr absl::Duration kBurst = absl::Milliseconds(50);
// How often a wait looks whether its pull still goes on.
constexpr absl::Duration kTick = absl::Milliseconds(50);

}  // namespace

void ByteBudget::SetRate(int64_t bytes_per_second) {
  absl::MutexLock lock(&mutex_);
  Grant();
  rate_ = bytes_per_second;
  // Those that wait go without; what they asked for is no debt of later ones.
  if (rate_ == 0) granted_ = asked_;
  changed_.SignalAll();
}

void ByteBudget::Grant() {
  const absl::Time now = now_();
  const auto rate = static_cast<double>(rate_);
  // A clock that is set back grants nothing.
  const absl::Duration passed = std::max(now - last_, absl::ZeroDuration());
  last_ = now;
  granted_ = std::min(granted_ + rate * absl::ToDoubleSeconds(passed),
                      asked_ + rate * absl::ToDoubleSeconds(kBurst));
}

std::optional<double> ByteBudget::Ask(size_t size) {
  absl::MutexLock lock(&mutex_);
  if (rate_ == 0) return std::nullopt;
  Grant();
  asked_ += static_cast<double>(size);
  return asked_;
}

bool ByteBudget::WaitFor(double wanted) {
  absl::MutexLock lock(&mutex_);
  Grant();
  if (granted_ >= wanted) return true;
  const absl::Duration rest =
      absl::Seconds((wanted - granted_) / static_cast<double>(rate_));
  changed_.WaitWithTimeout(&mutex_, std::min(rest, kTick));
  return false;
}

absl::Status ByteBudget::Take(size_t size, const Control& control) {
  const std::optional<double> wanted = Ask(size);
  while (wanted.has_value() && !WaitFor(*wanted)) {
    const absl::Status ended = control.Check();
    if (ended.ok()) continue;
    // It is no debt of those that go on.
    absl::MutexLock lock(&mutex_);
    granted_ += static_cast<double>(size);
    return ended;
  }
  return absl::OkStatus();
}

}  // namespace cri::image
