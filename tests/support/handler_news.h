// SPDX-License-Identifier: Apache-2.0
// Collects what a runtime::Handler tells, for tests to wait on.
#ifndef CORACLE_TESTS_SUPPORT_HANDLER_NEWS_H_
#define CORACLE_TESTS_SUPPORT_HANDLER_NEWS_H_

#include <deque>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "runtime/handler/handler.h"

namespace tests {

// Thread safe; must outlive the handler.
class News {
 public:
  runtime::StateListener Listener() {
    return [this](const runtime::ContainerState& state) {
      absl::MutexLock lock(&mutex_);
      states_.push_back(state);
    };
  }
  // The first state of `id` in `phase`; fails the test after 20 s.
  runtime::ContainerState Await(const std::string& id,
                                runtime::ContainerPhase phase) {
    absl::MutexLock lock(&mutex_);
    const runtime::ContainerState* found = nullptr;
    auto told = [&]() {
      for (const runtime::ContainerState& state : states_) {
        if (state.id == id && state.phase == phase) found = &state;
      }
      return found != nullptr;
    };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&told), absl::Seconds(20))) {
      ADD_FAILURE() << "no news of " << id;
      return runtime::ContainerState();
    }
    return *found;
  }
  int Count(const std::string& id) {
    absl::MutexLock lock(&mutex_);
    int count = 0;
    for (const runtime::ContainerState& state : states_)
      count += state.id == id;
    return count;
  }

 private:
  absl::Mutex mutex_;
  std::deque<runtime::ContainerState> states_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_HANDLER_NEWS_H_
