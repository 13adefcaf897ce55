// SPDX-License-Identifier: Apache-2.0
// Layer jobs: download, hash, inflate and unpack of one layer, streaming, with
// a bounded number at a time (layer_queue.h). Jobs for the same layer are
// shared by all pulls that need it and end early only when none of them wants
// it any more.
#ifndef CORACLE_CRI_IMAGE_LAYERS_H_
#define CORACLE_CRI_IMAGE_LAYERS_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/image/disk.h"
#include "cri/image/http.h"
#include "cri/image/layer_job.h"
#include "cri/image/layer_queue.h"
#include "cri/image/manifest.h"
#include "cri/image/pipe.h"
#include "cri/image/source.h"
#include "runtime/base/executor.h"

namespace cri::image {

class LayerFetcher;

// What a pull needs of one layer.
struct WantedLayer {
  Descriptor descriptor;
  std::string diff_id;
};

// One pull's interest in a job; dropping it is giving the layer up.
class LayerTicket {
 public:
  LayerTicket(LayerFetcher* fetcher, uint64_t pull,
              std::shared_ptr<LayerJob> job, bool joined)
      : fetcher_(fetcher), pull_(pull), job_(std::move(job)), joined_(joined) {}
  ~LayerTicket();
  LayerTicket(LayerTicket&&) = default;
  LayerTicket& operator=(LayerTicket&&) = delete;

  LayerJob* operator->() const { return job_.get(); }
  // True if another pull had begun the job.
  bool joined() const { return joined_; }

 private:
  LayerFetcher* fetcher_;
  uint64_t pull_;
  std::shared_ptr<LayerJob> job_;
  bool joined_;
};

// Thread safe. Uses two threads of `executor` for each layer that is fetched.
class LayerFetcher {
 public:
  LayerFetcher(Disk* disk, runtime::Executor* executor, LayerLimits limits)
      : disk_(disk), executor_(executor), queue_(limits) {}

  // For jobs that begin from now on.
  void SetLimits(LayerLimits limits) ABSL_LOCKS_EXCLUDED(mutex_);

  // A number for a pull that begins now.
  uint64_t NewPull() ABSL_LOCKS_EXCLUDED(mutex_);
  // Begins the jobs or joins those that are there, one ticket for each of
  // `layers`. `alone` never joins.
  std::vector<LayerTicket> Start(uint64_t pull,
                                 const std::shared_ptr<Source>& source,
                                 const std::vector<WantedLayer>& layers,
                                 bool alone = false)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // As LayerQueue::Waiting.
  int Waiting(uint64_t pull) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class LayerTicket;
  using Key = std::pair<std::string, std::string>;  // blob digest, diff ID

  void GiveUp(uint64_t pull, const std::shared_ptr<LayerJob>& job)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Begins as many as may run now.
  void RunNext() ABSL_LOCKS_EXCLUDED(mutex_);
  void Run(const std::shared_ptr<LayerJob>& job);
  absl::Status Download(LayerJob* job, const Control& control, Pipe* pipe,
                        bool* reader_left);
  absl::StatusOr<std::shared_ptr<StagedLayer>> Fetch(
      const std::shared_ptr<LayerJob>& job);

  Disk* const disk_;
  runtime::Executor* const executor_;
  absl::Mutex mutex_;
  uint64_t pulls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Key, std::shared_ptr<LayerJob>> jobs_ ABSL_GUARDED_BY(mutex_);
  LayerQueue queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_LAYERS_H_
