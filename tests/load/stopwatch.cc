// SPDX-License-Identifier: Apache-2.0
#include "tests/load/stopwatch.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace tests::load {
namespace {

double At(const std::vector<double>& sorted, double percent) {
  const double last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<size_t>(std::lround(last * percent / 100))];
}

}  // namespace

void Stopwatch::Add(const std::string& what, double milliseconds) {
  auto found = std::find_if(times_.begin(), times_.end(),
                            [&](auto& entry) { return entry.first == what; });
  if (found == times_.end()) found = times_.insert(found, {what, {}});
  found->second.push_back(milliseconds);
}

void Stopwatch::Print() {
  for (auto& [what, times] : times_) {
    std::sort(times.begin(), times.end());
    absl::PrintF("%s\t%.3f\t%.3f\t%.3f\n", what, At(times, 50), At(times, 90),
                 At(times, 99));
  }
}

}  // namespace tests::load
