// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/activity.h"

#include <unistd.h>

#include <list>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace runtime::activity {
namespace {

// In the order of their begin; lives as long as the process.
struct Registry {
  absl::Mutex mutex;
  std::list<const State*> states ABSL_GUARDED_BY(mutex);
};

Registry& All() {
  static Registry* const registry = new Registry;
  return *registry;
}

thread_local Operation* current = nullptr;

}  // namespace

Operation::Operation(std::string call, std::string object)
    : outer_(std::exchange(current, this)) {
  state_.call = std::move(call);
  state_.object = std::move(object);
  state_.since = state_.step_since = absl::Now();
  state_.thread = gettid();
  absl::MutexLock lock(&All().mutex);
  All().states.push_back(&state_);
}

Operation::~Operation() {
  current = outer_;
  absl::MutexLock lock(&All().mutex);
  All().states.remove(&state_);
}

Step::Step(std::string text, pid_t process) : operation_(current) {
  if (operation_ == nullptr) return;
  State& state = operation_->state_;
  absl::MutexLock lock(&All().mutex);
  before_ = std::exchange(state.step, std::move(text));
  before_since_ = std::exchange(state.step_since, absl::Now());
  before_process_ = std::exchange(state.process, process);
}

Step::~Step() {
  if (operation_ == nullptr) return;
  State& state = operation_->state_;
  absl::MutexLock lock(&All().mutex);
  state.step = std::move(before_);
  state.step_since = before_since_;
  state.process = before_process_;
}

void Step::Update(std::string text) {
  if (operation_ == nullptr) return;
  absl::MutexLock lock(&All().mutex);
  operation_->state_.step = std::move(text);
}

std::vector<State> List() {
  absl::MutexLock lock(&All().mutex);
  std::vector<State> states;
  for (const State* state : All().states) states.push_back(*state);
  return states;
}

}  // namespace runtime::activity
