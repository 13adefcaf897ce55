// SPDX-License-Identifier: Apache-2.0
// What a container has written into its layer. The kernel does not count it
// (project quotas would need a file system made for them), so the tree is
// walked: a small one at once, when first asked for; a large one, and each
// again, in the background, at most once in a while. Nothing is walked for
// layers that nobody asks for.
#ifndef CORACLE_CRI_STATS_LAYER_USAGE_H_
#define CORACLE_CRI_STATS_LAYER_USAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/base/executor.h"

namespace cri::stats {

struct TreeUsage {
  uint64_t bytes = 0;  // of blocks on disk; a file with several names once
  uint64_t inodes = 0;
};

// Walks the tree at `path`, which others may change meanwhile: no symlink is
// followed, nothing below another mount is counted, nor what lies deeper than
// 200 directories. RESOURCE_EXHAUSTED above `most_entries`.
absl::StatusOr<TreeUsage> MeasureTree(const std::string& path,
                                      uint64_t most_entries = UINT64_MAX);

// One layer's last known usage. Thread safe.
class LayerUsage : public std::enable_shared_from_this<LayerUsage> {
 public:
  // The executor outlives it.
  LayerUsage(std::string path, runtime::Executor* executor)
      : path_(std::move(path)), executor_(executor) {}

  struct Known {
    TreeUsage usage;
    absl::Time at;  // when it was measured
  };
  // Never waits for a long walk: nullopt while the first one is under way.
  std::optional<Known> Get() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Refresh() ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(const absl::StatusOr<TreeUsage>& usage, absl::Time begin)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string path_;
  runtime::Executor* const executor_;
  absl::Mutex mutex_;
  std::optional<Known> known_ ABSL_GUARDED_BY(mutex_);
  absl::Duration took_ ABSL_GUARDED_BY(mutex_);
  bool walking_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_LAYER_USAGE_H_
