// SPDX-License-Identifier: Apache-2.0
// The times of operations, in the order of their first calls.
#ifndef CORACLE_TESTS_LOAD_STOPWATCH_H_
#define CORACLE_TESTS_LOAD_STOPWATCH_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tests/load/client.h"

namespace tests::load {

// Not thread safe.
class Stopwatch {
 public:
  // Times operation() → grpc::Status; ends the program if it fails.
  template <typename Operation>
  void Time(const std::string& what, const Operation& operation) {
    TimeEach(what, 1, operation);
  }
  // The same for one that is about `count` objects: the time of each.
  template <typename Operation>
  void TimeEach(const std::string& what, int count,
                const Operation& operation) {
    const absl::Time start = absl::Now();
    const grpc::Status status = operation();
    const absl::Duration took = absl::Now() - start;
    if (!status.ok()) Fail(what, status);
    Add(what, absl::ToDoubleMilliseconds(took) / count);
  }

  // For each operation a line of tab-separated NAME, P50, P90, P99.
  void Print();

 private:
  void Add(const std::string& what, double milliseconds);

  std::vector<std::pair<std::string, std::vector<double>>> times_;
};

}  // namespace tests::load

#endif  // CORACLE_TESTS_LOAD_STOPWATCH_H_
