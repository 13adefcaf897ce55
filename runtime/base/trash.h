// SPDX-License-Identifier: Apache-2.0
// Trash takes directories that are done with out of the way at once, by a
// rename, and lets one queue remove what is in them: nobody waits for a tree
// that a container has filled. What cannot be removed is tried again, after a
// while that gets longer, and is logged once. After kill -9 the next start
// removes the rest. Never linked into coracle-oci.
#ifndef CORACLE_RUNTIME_BASE_TRASH_H_
#define CORACLE_RUNTIME_BASE_TRASH_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/executor.h"

namespace runtime {

// Thread safe. The executor's Stop waits until all is removed, but for what
// failed. May be dropped before that.
class Trash {
 public:
  // `directory` is for this alone; the executor outlives it. `patience` is how
  // long it waits before it tries again the first time.
  Trash(std::string directory, Executor* executor,
        absl::Duration patience = absl::Minutes(1));

  // Makes the directory; what is in it from before goes in the background.
  // Once, before Take.
  absl::Status Open();

  // On success nothing is at `path` any more. Missing is OK. What cannot be
  // moved, from another filesystem, is removed before it returns.
  absl::Status Take(const std::string& path);

 private:
  struct State;
  static void RemoveLater(const std::shared_ptr<State>& state,
                          const std::string& name);
  static void Remove(const std::shared_ptr<State>& state,
                     const std::string& name);
  static void TryAgain(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
  std::atomic<uint64_t> serial_{0};
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_TRASH_H_
