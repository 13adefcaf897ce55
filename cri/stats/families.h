// SPDX-License-Identifier: Apache-2.0
// The parts of the table of metric families, for families.cc alone.
#ifndef CORACLE_CRI_STATS_FAMILIES_H_
#define CORACLE_CRI_STATS_FAMILIES_H_

#include <vector>

#include "cri/stats/metrics.h"

namespace cri::stats::internal {

// Block devices and the writable layer.
std::vector<Family> DiskFamilies();
// The pod's interfaces.
std::vector<Family> NetworkFamilies();

}  // namespace cri::stats::internal

#endif  // CORACLE_CRI_STATS_FAMILIES_H_
