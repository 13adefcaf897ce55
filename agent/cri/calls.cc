// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/calls.h"

#include <pthread.h>

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

void Calls::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    std::unique_ptr<Call> call(static_cast<Call*>(tag));
    call->Finish();
    absl::MutexLock lock(&mutex_);
    active_.erase(call.get());
  }
}

}  // namespace agent::cri
