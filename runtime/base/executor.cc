// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/executor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/thread.h"

namespace runtime {
namespace {

constexpr absl::Duration kIdleLimit = absl::Seconds(10);
// Beyond the others, for short tasks only.
constexpr int kShortThreads = 4;

void NameThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

Executor::Executor(std::string name, int max_threads)
    : name_(std::move(name)), max_threads_(max_threads) {
  absl::MutexLock lock(&mutex_);
  const absl::Status started = StartWorker();
  if (!started.ok()) {
    log::Error("executor ", name_, ": its first thread: ", started.message());
  }
}

Executor::~Executor() { Stop(); }

void Executor::Stop() {
  std::thread timers;
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    stopping_ = true;
    timers_.clear();
    timer_times_.clear();
    work_.SignalAll();
    timer_changed_.SignalAll();
    timers = std::move(timer_thread_);
  }
  if (timers.joinable()) timers.join();
  absl::MutexLock lock(&mutex_);
  while (workers_ > 0 || Ready() > 0) {
    if (workers_ > 0) {
      worker_gone_.Wait(&mutex_);
    } else {
      RunNext();  // there was no thread for it
    }
  }
  stopped_ = true;
}

void Executor::Post(Task task) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  SpawnIfNeeded();
}

void Executor::PostShort(Task task) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return;
  short_tasks_.push_back(std::move(task));
  SpawnIfNeeded();
}

void Executor::SpawnIfNeeded() {
  if (Ready() > idle_ && workers_ < max_threads_ + kShortThreads) {
    StartWorker().IgnoreError();  // what waits for it waits for another one
  }
  if (!timers_.empty()) StartTimers();
  work_.Signal();
}

absl::Status Executor::StartWorker() {
  absl::StatusOr<std::thread> worker = StartThread([this] {
    NameThread(name_);
    Work();
  });
  RETURN_IF_ERROR(worker.status());
  ++workers_;
  worker->detach();  // the destructor waits for workers_ to reach zero
  return absl::OkStatus();
}

void Executor::StartTimers() {
  if (timer_thread_.joinable() || stopping_) return;
  absl::StatusOr<std::thread> timers = StartThread([this] {
    NameThread(name_ + "-timer");
    RunTimers();
  });
  if (timers.ok()) timer_thread_ = *std::move(timers);
}

void Executor::Work() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    while (Ready() == 0 && !stopping_) {
      const bool lacks_timers = !timers_.empty() && !timer_thread_.joinable();
      bool timed_out = false;
      ++idle_;
      if (workers_ == 1 && !lacks_timers) {
        work_.Wait(&mutex_);  // the last one stays
      } else {
        timed_out = work_.WaitWithTimeout(&mutex_, kIdleLimit);
      }
      --idle_;
      if (lacks_timers) StartTimers();
      if (timed_out && Ready() == 0 && workers_ > 1) break;
    }
    if (Ready() == 0) break;
    RunNext();
  }
  --workers_;
  worker_gone_.SignalAll();
}

// What is left in tasks_ at the limit is for the threads that run its others.
int Executor::Ready() const {
  return static_cast<int>(short_tasks_.size()) +
         std::min(static_cast<int>(tasks_.size()), max_threads_ - running_);
}

void Executor::RunNext() {
  const bool is_short = !short_tasks_.empty();
  std::deque<Task>& queue = is_short ? short_tasks_ : tasks_;
  Task task = std::move(queue.front());
  queue.pop_front();
  running_ += is_short ? 0 : 1;
  mutex_.Unlock();
  task();
  task = nullptr;
  mutex_.Lock();
  running_ -= is_short ? 0 : 1;
}

Executor::TimerId Executor::PostAt(absl::Time when, Task task) {
  absl::MutexLock lock(&mutex_);
  TimerId id = next_timer_++;
  if (stopping_) return id;  // as if it had been dropped
  StartTimers();
  timers_.emplace(std::make_pair(when, id), std::move(task));
  timer_times_.emplace(id, when);
  if (timers_.begin()->first.second == id) timer_changed_.Signal();
  return id;
}

bool Executor::Cancel(TimerId id) {
  absl::MutexLock lock(&mutex_);
  auto it = timer_times_.find(id);
  if (it == timer_times_.end()) return false;
  timers_.erase({it->second, id});
  timer_times_.erase(it);
  return true;
}

void Executor::RunTimers() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    if (timers_.empty()) {
      timer_changed_.Wait(&mutex_);
      continue;
    }
    auto first = timers_.begin();
    absl::Duration wait = first->first.first - absl::Now();
    if (wait > absl::ZeroDuration()) {
      timer_changed_.WaitWithTimeout(&mutex_, wait);
      continue;
    }
    tasks_.push_back(std::move(first->second));
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    SpawnIfNeeded();
  }
}

struct SerialQueue::State {
  explicit State(Executor* e) : executor(e) {}
  // One task a turn, so that a busy queue does not keep a thread from others.
  static void TakeTurn(const std::shared_ptr<State>& self)
      ABSL_LOCKS_EXCLUDED(mutex);
  static void AskForTurn(const std::shared_ptr<State>& self) {
    self->executor->Post([self] { TakeTurn(self); });
  }
  // True if AskForTurn is to be called: nobody would come by anyway.
  bool NeedsTurn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void RunFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  Executor* const executor;
  absl::Mutex mutex;
  std::deque<Task> tasks ABSL_GUARDED_BY(mutex);
  bool running ABSL_GUARDED_BY(mutex) = false;  // one of them, in some thread
  bool asked ABSL_GUARDED_BY(mutex) = false;    // a turn waits in the executor
};

SerialQueue::SerialQueue(Executor* executor)
    : state_(std::make_shared<State>(executor)) {}

void SerialQueue::Post(Task task) {
  {
    absl::MutexLock lock(&state_->mutex);
    state_->tasks.push_back(std::move(task));
    if (!state_->NeedsTurn()) return;
  }
  State::AskForTurn(state_);
}

void SerialQueue::Run(const std::function<void()>& task) {
  bool done = false;  // guarded by the mutex, as the queue itself
  const std::shared_ptr<State> state = state_;
  {
    absl::MutexLock lock(&state->mutex);
    state->tasks.push_back([&] {
      task();
      absl::MutexLock own(&state->mutex);
      done = true;
    });
    while (!done) {
      if (state->running) {
        auto next = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex) {
          return done || !state->running;
        };
        state->mutex.Await(absl::Condition(&next));
      } else {
        state->RunFirst();
      }
    }
    if (!state->NeedsTurn()) return;
  }
  State::AskForTurn(state);
}

void SerialQueue::State::RunFirst() {
  Task task = std::move(tasks.front());
  tasks.pop_front();
  running = true;
  mutex.Unlock();
  task();
  task = nullptr;
  mutex.Lock();
  running = false;
}

bool SerialQueue::State::NeedsTurn() {
  if (tasks.empty() || running || asked) return false;
  asked = true;
  return true;
}

void SerialQueue::State::TakeTurn(const std::shared_ptr<State>& self) {
  {
    absl::MutexLock lock(&self->mutex);
    self->asked = false;
    if (self->tasks.empty() || self->running) return;
    self->RunFirst();
    if (!self->NeedsTurn()) return;
  }
  AskForTurn(self);
}

}  // namespace runtime
