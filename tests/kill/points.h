// SPDX-License-Identifier: Apache-2.0
// What the library in the daemon (preload.cc) and the program that runs it
// (daemon.cc) share: a file that both have mapped.
#ifndef CORACLE_TESTS_KILL_POINTS_H_
#define CORACLE_TESTS_KILL_POINTS_H_

#include <atomic>
#include <cstdint>

namespace tests::kill {

// The environment variable that names the file.
inline constexpr char kPointsVariable[] = "CORACLE_TEST_KILL_POINTS";

struct Points {
  // The daemon dies at the change of state that finds 1 here; each one before
  // takes 1 away. 0: it lives. kDying: it has met its end.
  std::atomic<int64_t> left;
  // The call at which it died, "rename /a/b".
  char step[512];
};
inline constexpr int64_t kDying = -1;

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_POINTS_H_
