// SPDX-License-Identifier: Apache-2.0
// Checkpoints writes running containers to archives, for forensics: their
// processes, what they have changed in their root, their log and what they are
// in words. They go on afterwards.
//
//   <root>/checkpoints/<container>/   one under way; swept at the next start
#ifndef CORACLE_CRI_CHECKPOINT_CHECKPOINTS_H_
#define CORACLE_CRI_CHECKPOINT_CHECKPOINTS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cri/container/containers.h"
#include "cri/image/image.h"
#include "runtime/base/executor.h"
#include "runtime/base/trash.h"
#include "runtime/handler/handler.h"

namespace cri::checkpoint {

struct CheckpointsOptions {
  std::string root;
  runtime::Handler* handler = nullptr;
  image::ImageStore* images = nullptr;
  container::Containers* containers = nullptr;
  runtime::Trash* trash = nullptr;
};

// Thread safe; calls block.
class Checkpoints {
 public:
  explicit Checkpoints(CheckpointsOptions options)
      : options_(std::move(options)) {}

  // Removes what a killed daemon left, beside its archives too. Before Create.
  absl::Status Recover();

  // Replaces the file `location`, mode 0600, by the archive, or leaves it as it
  // is. INVALID_ARGUMENT for a location that is no absolute path of a file;
  // FAILED_PRECONDITION if the container does not run or there is no directory
  // for the file; UNIMPLEMENTED if this host cannot; ABORTED if another one of
  // the container is under way; DEADLINE_EXCEEDED.
  absl::Status Create(const container::ContainerPtr& container,
                      const std::string& location, absl::Time deadline);

 private:
  class Job;

  const CheckpointsOptions options_;
  // Of its own: a call of the server's pool waits for each, and enough of them
  // would leave no thread to run one. More than these wait for their turn.
  runtime::Executor jobs_{"checkpoint", 4};
};

}  // namespace cri::checkpoint

#endif  // CORACLE_CRI_CHECKPOINT_CHECKPOINTS_H_
