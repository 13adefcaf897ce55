// SPDX-License-Identifier: Apache-2.0
// News from all holders: one connection each, one thread for all of them. Each
// change is told once, also when a connection was made anew.
#ifndef CORACLE_RUNTIME_HANDLER_EVENTS_H_
#define CORACLE_RUNTIME_HANDLER_EVENTS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/handler.h"

namespace runtime::handler {

// Thread safe. Listener and `on_lost` run on its thread, with no lock held.
class EventLoop {
 public:
  // `on_lost` is told when the connection of a watched sandbox closed.
  explicit EventLoop(std::function<void(const std::string&)> on_lost);
  ~EventLoop();

  // News from before are kept until a listener is there.
  void SetListener(StateListener listener) ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads the news of `sandbox_id` from `fd`, on which kSubscribe was sent.
  absl::Status Watch(const std::string& sandbox_id, UniqueFd fd)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsWatched(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Closes its connection and forgets what was told of it.
  void Forget(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetContainer(const std::string& sandbox_id, const std::string& id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Tells a state from the loop's thread, if it is new.
  void Tell(const ContainerState& state) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Watched {
    std::string sandbox_id;
    UniqueFd fd;
  };

  void Run();
  void Read(uint64_t key);
  void Queue(const ContainerState& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver() ABSL_LOCKS_EXCLUDED(mutex_);
  void Wake();

  const std::function<void(const std::string&)> on_lost_;
  UniqueFd epoll_, wake_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  StateListener listener_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_key_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, Watched> watched_ ABSL_GUARDED_BY(mutex_);
  // The last phase told of each container.
  std::map<std::pair<std::string, std::string>, ContainerPhase> told_
      ABSL_GUARDED_BY(mutex_);
  std::deque<ContainerState> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_EVENTS_H_
