// SPDX-License-Identifier: Apache-2.0
// Keeper keeps the store within its budget. It looks when something has come or
// was let go of, and when the plan says that time alone lets an image go; never
// more than once a minute for that. Without a budget it does nothing.
#ifndef CORACLE_CRI_IMAGE_KEEPER_H_
#define CORACLE_CRI_IMAGE_KEEPER_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cri/image/budget.h"
#include "cri/image/catalog.h"
#include "cri/image/installer.h"
#include "runtime/base/executor.h"

namespace cri::image {

// Thread safe. Outlives the executor's work.
class Keeper {
 public:
  Keeper(Catalog* catalog, Installer* installer, runtime::Executor* executor)
      : catalog_(catalog), installer_(installer), executor_(executor) {}

  void SetBudget(const Budget& budget) ABSL_LOCKS_EXCLUDED(mutex_);
  Budget GetBudget() const ABSL_LOCKS_EXCLUDED(mutex_);
  // In the background, then or before.
  void LookAfter(absl::Duration delay) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Look() ABSL_LOCKS_EXCLUDED(mutex_);
  // When to look again for what could not be removed, or was just used.
  absl::Duration Remove(const BudgetPlan& plan);
  // Logs it when it begins and when it ends that the budget cannot be met.
  void Tell(const Budget& budget, uint64_t bytes_left)
      ABSL_LOCKS_EXCLUDED(mutex_);

  Catalog* const catalog_;
  Installer* const installer_;
  runtime::Executor* const executor_;
  mutable absl::Mutex mutex_;
  Budget budget_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  runtime::Executor::TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_KEEPER_H_
