// SPDX-License-Identifier: Apache-2.0
// Which images a budget makes go. Pure functions.
#ifndef CORACLE_CRI_IMAGE_BUDGET_H_
#define CORACLE_CRI_IMAGE_BUDGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cri/image/stock.h"

namespace cri::image {

struct Removal {
  std::string id, name;
  absl::Time quiet_since;  // if it was used since then, it stays
  std::string why;         // "unused for 9h, image_max_unused is 8h"
};

struct BudgetPlan {
  std::vector<Removal> removals;
  uint64_t bytes_left = 0;  // after them
  // When time alone lets more go; InfiniteFuture: not before somebody lets go
  // of an image or brings one.
  absl::Time next = absl::InfiniteFuture();
};

// By age first, then by size, the longest unused first. An image all of whose
// layers stay for others does not go for the size: nothing would come free.
BudgetPlan PlanRemovals(const Stock& stock, const Budget& budget,
                        absl::Time now);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_BUDGET_H_
