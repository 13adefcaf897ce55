// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/calls.h"

#include <pthread.h>

#include <algorithm>
#include <memory>

namespace agent::cri {

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
  active_.insert(call);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), thread_name_);
      Run();
    });
  } else if (call->context.deadline() < asleep_until_ && !waking_) {
    waking_ = true;
    wake_.Set(&queue_, std::chrono::system_clock::now(), nullptr);
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
  const Time now = std::chrono::system_clock::now();
  absl::MutexLock lock(&mutex_);
  asleep_until_ = Time::max();
  for (Call* call : active_) {
    if (call->overdue_) continue;
    const Time deadline = call->context.deadline();
    if (deadline > now) {
      asleep_until_ = std::min(asleep_until_, deadline);
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
    switch (queue_.AsyncNext(&tag, &ok, EndOverdue())) {
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
