// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/calls.h"

#include <grpc/support/time.h>
#include <pthread.h>

#include <algorithm>
#include <memory>

namespace agent::cri {
namespace {

using SystemClock = std::chrono::system_clock;
using std::chrono::steady_clock;

steady_clock::time_point ToSteady(SystemClock::time_point deadline) {
  if (deadline == SystemClock::time_point::max()) {
    return steady_clock::time_point::max();
  }
  return steady_clock::now() + (deadline - SystemClock::now());
}

gpr_timespec ToGpr(steady_clock::time_point time) {
  if (time == steady_clock::time_point::max()) {
    return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  }
  return gpr_time_from_nanos(
      std::chrono::nanoseconds(time.time_since_epoch()).count(),
      GPR_CLOCK_MONOTONIC);
}

}  // namespace

Calls::~Calls() {
  Shutdown();
  queue_.Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Run();  // gRPC wants it emptied
  }
}

bool Calls::Take(Call* call) {
  absl::MutexLock lock(&mutex_);
  if (down_) return false;
  call->due_ = ToSteady(call->context.deadline());
  active_.insert(call);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), thread_name_);
      Run();
    });
  } else if (call->due_ < asleep_until_ && !waking_) {
    waking_ = true;
    // Long ago, so that it is done here and now: what is due "now" waits for
    // gRPC's timers.
    wake_.Set(&queue_, SystemClock::time_point(), nullptr);
  }
  return true;
}

void Calls::Shutdown() {
  absl::MutexLock lock(&mutex_);
  down_ = true;
  for (Call* call : active_) call->context.TryCancel();
  mutex_.Await(absl::Condition(
      +[](std::set<Call*>* active) { return active->empty(); }, &active_));
}

Calls::Time Calls::EndOverdue() {
  const Time now = Clock::now();
  absl::MutexLock lock(&mutex_);
  asleep_until_ = Time::max();
  for (Call* call : active_) {
    if (call->overdue_) continue;
    if (call->due_ > now) {
      asleep_until_ = std::min(asleep_until_, call->due_);
      continue;
    }
    call->overdue_ = true;
    call->context.TryCancel();
  }
  return asleep_until_;
}

void Calls::Finish(Call* call) {
  const std::unique_ptr<Call> owned(call);
  bool overdue;
  {
    absl::MutexLock lock(&mutex_);
    overdue = call->overdue_ && !down_;
  }
  if (overdue && call->status.error_code() == grpc::StatusCode::CANCELLED) {
    call->status =
        grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  }
  call->Finish();
  absl::MutexLock lock(&mutex_);
  active_.erase(call);
}

void Calls::Run() {
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    switch (queue_.AsyncNext(&tag, &ok, ToGpr(EndOverdue()))) {
      case grpc::CompletionQueue::SHUTDOWN:
        return;
      case grpc::CompletionQueue::TIMEOUT:
        break;
      case grpc::CompletionQueue::GOT_EVENT:
        if (tag != nullptr) {
          Finish(static_cast<Call*>(tag));
        } else {
          absl::MutexLock lock(&mutex_);
          waking_ = false;
        }
    }
  }
}

}  // namespace agent::cri
