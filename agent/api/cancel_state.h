// SPDX-License-Identifier: Apache-2.0
// What a CancelToken shares between its copies: the flag, and how to wake those
// who wait. Thread safe.
#ifndef CORACLE_AGENT_API_CANCEL_STATE_H_
#define CORACLE_AGENT_API_CANCEL_STATE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/api/client.h"

namespace agent::api {

struct CancelToken::State {
  std::atomic<bool> cancelled = false;
  absl::Mutex mutex;
  int next_hook ABSL_GUARDED_BY(mutex) = 0;
  std::map<int, std::function<void()>> hooks ABSL_GUARDED_BY(mutex);

  // `hook` runs on Cancel (at once if that already happened) and must not
  // block.
  int AddHook(std::function<void()> hook) {
    absl::MutexLock lock(&mutex);
    if (cancelled) hook();
    hooks[next_hook] = std::move(hook);
    return next_hook++;
  }
  // After the return the hook does not run any more.
  void RemoveHook(int id) {
    absl::MutexLock lock(&mutex);
    hooks.erase(id);
  }
};

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_CANCEL_STATE_H_
