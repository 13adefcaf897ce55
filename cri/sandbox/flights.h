// SPDX-License-Identifier: Apache-2.0
// Flights joins repeated operations: while one runs for a key, further calls
// with that key wait for it and get its result. This is why a retried
// RunPodSandbox never meets its own half-made predecessor.
#ifndef CORACLE_CRI_SANDBOX_FLIGHTS_H_
#define CORACLE_CRI_SANDBOX_FLIGHTS_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/activity.h"

namespace cri::sandbox {

// Thread safe. Result is absl::Status or absl::StatusOr<T>.
template <typename Result>
class Flights {
 public:
  // Runs `operation` in the calling thread, or waits until `deadline` for the
  // call under way with the same key. The operation itself is never cut short.
  // One that has failed as its caller's time was up is no answer for a call
  // with more time: that goes on with its own.
  template <typename Operation>
  Result Do(const std::string& key, absl::Time deadline,
            const Operation& operation) {
    while (true) {
      bool leads = false;
      std::shared_ptr<Flight> flight = Board(key, deadline, &leads);
      if (leads) {
        Result result = operation();
        Land(key, *flight, result);
        return result;
      }
      Result result = Await(*flight, key, deadline);
      const bool others_time_was_up =
          absl::IsDeadlineExceeded(StatusOf(result)) &&
          flight->deadline <= absl::Now() && flight->deadline < deadline;
      if (!others_time_was_up || deadline <= absl::Now()) return result;
    }
  }

  // Whether others wait for the operation under way with this key.
  bool IsAwaited(const std::string& key) {
    absl::MutexLock lock(&mutex_);
    auto it = flights_.find(key);
    return it != flights_.end() && it->second->waiters.load() > 0;
  }

 private:
  struct Flight {
    explicit Flight(absl::Time time) : deadline(time) {}
    const absl::Time deadline;  // of who runs the operation
    std::atomic<int> waiters{0};
    absl::Mutex mutex;
    bool landed ABSL_GUARDED_BY(mutex) = false;
    Result result ABSL_GUARDED_BY(mutex) = absl::UnknownError("");
  };

  static const absl::Status& StatusOf(const absl::Status& result) {
    return result;
  }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  std::shared_ptr<Flight> Board(const std::string& key, absl::Time deadline,
                                bool* leads) {
    absl::MutexLock lock(&mutex_);
    std::shared_ptr<Flight>& flight = flights_[key];
    *leads = flight == nullptr;
    if (*leads) {
      flight = std::make_shared<Flight>(deadline);
    } else {
      ++flight->waiters;
    }
    return flight;
  }

  static Result Await(Flight& flight, const std::string& key,
                      absl::Time deadline) {
    const runtime::activity::Step step(
        "waits for the same request, under way already");
    absl::MutexLock lock(&flight.mutex);
    if (!flight.mutex.AwaitWithDeadline(absl::Condition(&flight.landed),
                                        deadline)) {
      --flight.waiters;
      return absl::DeadlineExceededError(
          absl::StrCat("the same request is still under way: ", key));
    }
    return flight.result;
  }

  void Land(const std::string& key, Flight& flight, const Result& result) {
    {
      absl::MutexLock lock(&mutex_);
      flights_.erase(key);
    }
    absl::MutexLock lock(&flight.mutex);
    flight.result = result;
    flight.landed = true;
  }

  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_FLIGHTS_H_
