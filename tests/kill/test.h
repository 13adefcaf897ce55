// SPDX-License-Identifier: Apache-2.0
// A server dies at each change of state of an operation, one after the other.
#ifndef CORACLE_TESTS_KILL_TEST_H_
#define CORACLE_TESTS_KILL_TEST_H_

#include <cstdint>

#include "tests/kill/operation.h"
#include "tests/kill/witness.h"

namespace tests::kill {

// Not thread safe; what does not hold ends the program.
class Test {
 public:
  // `subject` outlives it; its server runs and has the image.
  explicit Test(Subject& subject) : subject_(subject), witness_(subject) {}

  // Before all others.
  void Begin();
  void KillAtEveryStep(const Operation& operation);
  // Steps of a server's start, which finds a pod that runs, and one whose
  // making (found = "half") or whose end ("ending") was cut short.
  void KillAtEveryStepOfStart(const char* found);
  // After them.
  void End();

 private:
  // Whether the server died of `at`; then another one runs.
  bool DiedDuring(int64_t at, const Operation& operation);
  void CutShort(const load::PodName& other);
  void AwaitSweep();

  Daemon& daemon() { return subject_.daemon(); }
  load::Client& client() { return subject_.client(); }

  Subject& subject_;
  Witness witness_;
};

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_TEST_H_
