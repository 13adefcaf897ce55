// SPDX-License-Identifier: Apache-2.0
// Calls during which the server dies.
#ifndef CORACLE_TESTS_KILL_OPERATION_H_
#define CORACLE_TESTS_KILL_OPERATION_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/kill/subject.h"

namespace tests::kill {

struct Operation {
  const char* name;               // of the RPC
  std::function<void()> prepare;  // before the server dies
  std::function<grpc::Status()> act;
  // After a call that ended well, be it the repeated one.
  std::function<void()> verify;
  // What the next server has to have found, before the call is repeated.
  std::function<void()> found = nullptr;
  // Once the pod is removed: what else was changed.
  std::function<void()> restore = nullptr;
  // After `prepare`: what this machine lacks for it, or "".
  std::function<std::string()> lacks = nullptr;
};

// The lives of pods, containers and images. `subject` outlives them.
std::vector<Operation> LifeCycle(Subject& subject);
// What is done to a running container, its pod and its node.
std::vector<Operation> WhileRunning(Subject& subject);

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_OPERATION_H_
