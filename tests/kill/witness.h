// SPDX-License-Identifier: Apache-2.0
// A pod that is there all the time: one container counts, one has left.
#ifndef CORACLE_TESTS_KILL_WITNESS_H_
#define CORACLE_TESTS_KILL_WITNESS_H_

#include <string>

#include "tests/kill/subject.h"

namespace tests::kill {

// Not thread safe; ends the program where the pod is not as it should be.
class Witness {
 public:
  // `subject` outlives it.
  explicit Witness(Subject& subject) : subject_(subject) {}

  void Start();
  // Both are as they were when they started.
  void Check();
  // Each line of the counter arrived, once.
  void CheckLog();
  void Remove();

  const std::string& id() const { return id_; }  // of the pod

 private:
  load::Client& client() { return subject_.client(); }

  Subject& subject_;
  load::PodName pod_;
  std::string id_, counter_, leaver_;
  int64_t counter_started_ = 0, leaver_finished_ = 0;
};

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_WITNESS_H_
