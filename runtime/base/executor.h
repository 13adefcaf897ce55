// SPDX-License-Identifier: Apache-2.0
// One fixed pool for blocking work, serial queues on top of it, and timers.
// A daemon makes one Executor; everything that belongs to one pod runs on that
// pod's SerialQueue. Never linked into coracle-oci.
#ifndef CORACLE_RUNTIME_BASE_EXECUTOR_H_
#define CORACLE_RUNTIME_BASE_EXECUTOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace runtime {

using Task = std::function<void()>;

// Thread safe. The destructor does as Stop.
class Executor {
 public:
  using TimerId = uint64_t;

  // The first thread is there from the start on and stays; others start on
  // demand up to `max_threads` and end after 10 s idle, so that a quiet daemon
  // keeps few stacks. What the system gives no thread for waits for those that
  // there are; if it gave not even the first, until something else is posted.
  explicit Executor(std::string name, int max_threads);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same for a task that waits for nothing but memory and locks. Those go
  // first, and a few threads more are for them alone: they get through when all
  // `max_threads` wait.
  void PostShort(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Posts `task` at `when` (monotonic in effect: measured from now).
  TimerId PostAt(absl::Time when, Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  TimerId PostAfter(absl::Duration delay, Task task) {
    return PostAt(absl::Now() + delay, std::move(task));
  }
  // Drops timers, runs what is queued and what that posts, and joins the
  // threads. Whatever is posted later never runs. To be called once, by the
  // owner, so that what tasks refer to can go before the executor does.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // False if the task already ran, is running, or the id is unknown.
  bool Cancel(TimerId id) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Work();
  void RunTimers() ABSL_LOCKS_EXCLUDED(mutex_);
  // A worker, and the timers if there are any.
  void SpawnIfNeeded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StartWorker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How many tasks may begin now.
  int Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  const int max_threads_;
  absl::Mutex mutex_;
  absl::CondVar work_;
  absl::CondVar timer_changed_;
  absl::CondVar worker_gone_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::deque<Task> short_tasks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<absl::Time, TimerId>, Task> timers_
      ABSL_GUARDED_BY(mutex_);
  std::map<TimerId, absl::Time> timer_times_ ABSL_GUARDED_BY(mutex_);
  TimerId next_timer_ ABSL_GUARDED_BY(mutex_) = 1;
  int workers_ ABSL_GUARDED_BY(mutex_) = 0;
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;  // that were in tasks_
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;  // the threads have ended
  // From the first timer on.
  std::thread timer_thread_ ABSL_GUARDED_BY(mutex_);
};

// Runs its tasks one after another, in order, on an Executor. Thread safe;
// tasks may post to their own queue. May be dropped while tasks are queued:
// they still run.
class SerialQueue {
 public:
  explicit SerialQueue(Executor* executor);

  void Post(Task task);
  // Runs `task` in its turn and returns when it is done. Needs no thread of the
  // executor but the caller's, which runs what is before it in the queue too:
  // so those that wait here may be all the threads that there are. Not for
  // tasks of the same queue.
  void Run(const std::function<void()>& task);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_EXECUTOR_H_
