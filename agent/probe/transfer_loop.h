// SPDX-License-Identifier: Apache-2.0
// TransferLoop runs any number of curl transfers on one thread.
#ifndef CORACLE_AGENT_PROBE_TRANSFER_LOOP_H_
#define CORACLE_AGENT_PROBE_TRANSFER_LOOP_H_

#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace agent::probe {

// Thread safe.
class TransferLoop {
 public:
  // Gets the CURLcode of the transfer; must not block.
  using Done = std::function<void(int code)>;

  TransferLoop();
  ~TransferLoop();
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;

  // Begins the transfer of a CURL easy handle and returns. `done` runs once, on
  // the loop's thread; it keeps the handle alive until then and may free it. If
  // the system gives no thread, CURLE_OUT_OF_MEMORY on the caller's.
  void Add(void* easy, Done done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends all with CURLE_ABORTED_BY_CALLBACK and joins the thread; later ones
  // end so at once, on the caller's thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Starts it if need be.
  bool HasThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes in what was added. False if stopped.
  bool TakeNew() ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish(void* easy, int code);

  void* const multi_;
  std::map<void*, Done> active_;  // of the loop's thread
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<void*, Done>> added_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // from the first transfer on
};

}  // namespace agent::probe

#endif  // CORACLE_AGENT_PROBE_TRANSFER_LOOP_H_
