// SPDX-License-Identifier: Apache-2.0
// What this process is doing, for whoever asks why something takes so long: the
// operations under way, each with its object, its thread and its present step.
// A thread works on one operation at a time. Thread safe.
#ifndef CORACLE_RUNTIME_BASE_ACTIVITY_H_
#define CORACLE_RUNTIME_BASE_ACTIVITY_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace runtime::activity {

// What is known of one operation.
struct State {
  std::string call, object;
  absl::Time since;
  pid_t thread = 0;
  std::string step;  // "": none was named
  absl::Time step_since;
  pid_t process = 0;  // who does the step, if another process does
};

// An operation of the calling thread, until the scope ends in that thread.
class Operation {
 public:
  // In the words of users: "RunPodSandbox", "default/web".
  Operation(std::string call, std::string object);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  friend class Step;
  State state_;  // guarded by the list's lock
  Operation* const outer_;
};

// Names what the calling thread does for its operation until the scope ends;
// then the step before holds again. Does nothing in threads without one.
class Step {
 public:
  // "network: adding veth1"; `process` as in State.
  explicit Step(std::string text, pid_t process = 0);
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Progress within the step, which keeps its beginning.
  void Update(std::string text);

 private:
  Operation* const operation_;
  std::string before_;
  absl::Time before_since_;
  pid_t before_process_ = 0;
};

// All operations, the oldest first.
std::vector<State> List();

}  // namespace runtime::activity

#endif  // CORACLE_RUNTIME_BASE_ACTIVITY_H_
