// SPDX-License-Identifier: Apache-2.0
// Stage is how the daemon hears that criu has written the processes, which
// stand still until it says to go on: then the files that belong to them can be
// taken as they were. criu calls a script in between. If the daemon dies, the
// kernel drops its lock, the script fails, criu gives up, and the container
// goes on: nothing stays frozen.
#ifndef CORACLE_RUNTIME_CHECKPOINT_STAGE_H_
#define CORACLE_RUNTIME_CHECKPOINT_STAGE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::checkpoint {

// Not thread safe. Makes "script", "stopped", "go" and "taken" in its
// directory. The script needs sh and flock (util-linux).
class Stage {
 public:
  // `directory` is an absolute path, ours alone, where programs may be run.
  static absl::StatusOr<Stage> Open(const std::string& directory);

  // The program for criu's --action-script.
  std::string Script() const { return directory_ + "/script"; }
  // Readable when all processes stand still.
  int fd() const { return stopped_.get(); }
  // Lets criu go on to its end.
  absl::Status Succeed();
  // Lets criu go on, and fail unless Succeed was called before. So does the
  // destructor, and the death of this process.
  void Release() { lock_.reset(); }

 private:
  Stage(std::string directory, UniqueFd stopped, UniqueFd lock)
      : directory_(std::move(directory)),
        stopped_(std::move(stopped)),
        lock_(std::move(lock)) {}

  std::string directory_;
  UniqueFd stopped_, lock_;
};

}  // namespace runtime::checkpoint

#endif  // CORACLE_RUNTIME_CHECKPOINT_STAGE_H_
