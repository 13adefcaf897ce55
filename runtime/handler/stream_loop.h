// SPDX-License-Identifier: Apache-2.0
// Waits for the outcome of execs and attaches: one connection to a holder each,
// one thread for all of them.
#ifndef CORACLE_RUNTIME_HANDLER_STREAM_LOOP_H_
#define CORACLE_RUNTIME_HANDLER_STREAM_LOOP_H_

#include <cstdint>
#include <map>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/stream.h"

namespace runtime::handler {

// Thread safe. Its thread starts with the first session.
class StreamLoop {
 public:
  StreamLoop();
  ~StreamLoop();

  // Calls `done` once, from the loop's thread and with no lock held, with what
  // comes next on the connection `fd`, which the caller keeps open until
  // Forget.
  absl::StatusOr<uint64_t> Watch(int fd, StreamSession::Done done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Afterwards `done` is neither called nor running, unless this is called from
  // within it.
  void Forget(uint64_t key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Watched {
    int fd = -1;
    StreamSession::Done done;
  };

  void Run();
  void Read(uint64_t key) ABSL_LOCKS_EXCLUDED(mutex_);

  UniqueFd epoll_, wake_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_key_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;  // key whose `done` is called
  std::map<uint64_t, Watched> watched_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_STREAM_LOOP_H_
