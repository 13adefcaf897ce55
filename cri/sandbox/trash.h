// SPDX-License-Identifier: Apache-2.0
// Trash takes directories that are done with out of the way at once, by a
// rename, and lets one queue remove what is in them: nobody waits for a tree
// that a container has filled. After kill -9 the next start removes the rest.
#ifndef CORACLE_CRI_SANDBOX_TRASH_H_
#define CORACLE_CRI_SANDBOX_TRASH_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/executor.h"

namespace cri::sandbox {

// Thread safe. The executor's Stop waits until all is removed.
class Trash {
 public:
  // `directory` is for this alone; the executor outlives it.
  Trash(std::string directory, runtime::Executor* executor)
      : directory_(std::move(directory)), janitor_(executor) {}

  // Makes the directory; what is in it from before goes in the background.
  // Once, before Take.
  absl::Status Open();

  // On success nothing is at `path` any more. Missing is OK. What cannot be
  // moved, from another filesystem, is removed before it returns.
  absl::Status Take(const std::string& path);

 private:
  void RemoveLater(const std::string& name);

  const std::string directory_;
  std::atomic<uint64_t> serial_{0};
  runtime::SerialQueue janitor_;
};

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_TRASH_H_
