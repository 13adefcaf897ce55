// SPDX-License-Identifier: Apache-2.0
#include "cri/image/keeper.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/text.h"

namespace cri::image {
namespace {

namespace log = runtime::log;

constexpr absl::Duration kShortestPause = absl::Minutes(1);
// Clocks are set meanwhile.
constexpr absl::Duration kLongestPause = absl::Hours(1);

}  // namespace

void Keeper::SetBudget(const Budget& budget) {
  {
    absl::MutexLock lock(&mutex_);
    if (budget_.max_bytes != budget.max_bytes) is_over_ = false;
    budget_ = budget;
  }
  LookAfter(absl::ZeroDuration());
}

Budget Keeper::GetBudget() const {
  absl::MutexLock lock(&mutex_);
  return budget_;
}

void Keeper::LookAfter(absl::Duration delay) {
  absl::MutexLock lock(&mutex_);
  if (!budget_.IsSet() || delay == absl::InfiniteDuration()) return;
  const absl::Time when = absl::Now() + delay;
  if (next_look_ <= when) return;
  if (next_look_ != absl::InfiniteFuture()) executor_->Cancel(timer_);
  next_look_ = when;
  timer_ = executor_->PostAt(when, [this] { Look(); });
}

void Keeper::Look() {
  Budget budget;
  {
    absl::MutexLock lock(&mutex_);
    next_look_ = absl::InfiniteFuture();
    budget = budget_;
  }
  if (!budget.IsSet()) return;
  installer_->Collect();
  const absl::Time now = absl::Now();
  const BudgetPlan plan = PlanRemovals(catalog_->GetStock(), budget, now);
  LookAfter(Remove(plan));
  Tell(budget, plan.bytes_left);
  if (plan.next < absl::InfiniteFuture()) {
    LookAfter(std::clamp(plan.next - now, kShortestPause, kLongestPause));
  }
}

absl::Duration Keeper::Remove(const BudgetPlan& plan) {
  absl::Duration again = absl::InfiniteDuration();
  for (const Removal& removal : plan.removals) {
    const absl::StatusOr<bool> removed =
        installer_->Retire(removal.id, removal.quiet_since);
    if (!removed.ok()) {
      log::Error("image budget: remove image ", removal.name, ": ",
                 removed.status().message());
      again = std::min(again, kLongestPause);
    } else if (*removed) {
      log::Info("image budget: removed ", removal.name, " (", removal.id,
                "): ", removal.why);
    } else {
      again = std::min(again, kLeastAge);  // just used
    }
  }
  return again;
}

void Keeper::Tell(const Budget& budget, uint64_t bytes_left) {
  const bool is_over = budget.max_bytes > 0 && bytes_left > budget.max_bytes;
  {
    absl::MutexLock lock(&mutex_);
    if (is_over == is_over_) return;
    is_over_ = is_over;
  }
  if (!is_over) {
    log::Info("image budget: met again");
    return;
  }
  log::Warning(
      "image budget: ", runtime::HumanBytes(bytes_left),
      " of images are in use, pinned or have just come, image_max_bytes is ",
      runtime::HumanBytes(budget.max_bytes), " (see coracle image usage)");
}

}  // namespace cri::image
