// SPDX-License-Identifier: Apache-2.0
// CpuRate turns a growing counter of processor time into a rate over a recent
// window: between the last two readings that are a second or more apart. So one
// who asks every ten seconds gets windows of ten seconds, whoever else asks in
// between. Not thread safe.
#ifndef CORACLE_CRI_STATS_RATE_H_
#define CORACLE_CRI_STATS_RATE_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace cri::stats {

class CpuRate {
 public:
  // Nanoseconds of processor time per second; nullopt before a second
  // reading some time after the first, and when the counter went back.
  std::optional<uint64_t> Add(absl::Time now, uint64_t used_ns);

 private:
  struct Reading {
    absl::Time at;
    uint64_t used_ns = 0;
  };
  std::optional<Reading> base_, last_;
};

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_RATE_H_
