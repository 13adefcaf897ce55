// SPDX-License-Identifier: Apache-2.0
// Layer jobs: download, hash, inflate and unpack of one layer, streaming, with
// a bounded number at a time. Jobs for the same layer are shared by all pulls
// that need it and end early only when none of them wants it any more.
#ifndef CORACLE_CRI_IMAGE_LAYERS_H_
#define CORACLE_CRI_IMAGE_LAYERS_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/image/disk.h"
#include "cri/image/http.h"
#include "cri/image/manifest.h"
#include "cri/image/pipe.h"
#include "cri/image/source.h"
#include "runtime/base/executor.h"

namespace cri::image {

// One layer on its way. Thread safe.
class LayerJob {
 public:
  LayerJob(std::shared_ptr<Source> source, Descriptor descriptor,
           std::string diff_id)
      : descriptor_(std::move(descriptor)),
        diff_id_(std::move(diff_id)),
        source_(std::move(source)) {}

  const Descriptor& descriptor() const { return descriptor_; }
  const std::string& diff_id() const { return diff_id_; }

  // At most `limit`; false if the job still runs.
  bool WaitFor(absl::Duration limit) ABSL_LOCKS_EXCLUDED(mutex_);
  // After WaitFor has returned true:
  absl::Status status() ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<StagedLayer> staged() ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t bytes_done() const { return bytes_done_; }

 private:
  friend class LayerFetcher;
  void Finish(const absl::Status& status, std::shared_ptr<StagedLayer> staged)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Descriptor descriptor_;
  const std::string diff_id_;
  const std::shared_ptr<Source> source_;
  std::atomic<uint64_t> bytes_done_{0};
  std::atomic<int> wanted_by_{0};
  absl::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<StagedLayer> staged_ ABSL_GUARDED_BY(mutex_);
};

class LayerFetcher;

// One pull's interest in a job; dropping it is giving the layer up.
class LayerTicket {
 public:
  LayerTicket(LayerFetcher* fetcher, std::shared_ptr<LayerJob> job, bool joined)
      : fetcher_(fetcher), job_(std::move(job)), joined_(joined) {}
  ~LayerTicket();
  LayerTicket(LayerTicket&&) = default;
  LayerTicket& operator=(LayerTicket&&) = delete;

  LayerJob* operator->() const { return job_.get(); }
  // True if another pull had begun the job.
  bool joined() const { return joined_; }

 private:
  LayerFetcher* fetcher_;
  std::shared_ptr<LayerJob> job_;
  bool joined_;
};

// Thread safe. Uses up to 2 × `parallel` threads of `executor`.
class LayerFetcher {
 public:
  LayerFetcher(Disk* disk, runtime::Executor* executor, int parallel)
      : disk_(disk), executor_(executor), parallel_(parallel) {}

  // For jobs that begin from now on.
  void SetParallel(int parallel) ABSL_LOCKS_EXCLUDED(mutex_);

  // Begins the job or joins one that runs. `alone` never joins.
  LayerTicket Start(const std::shared_ptr<Source>& source,
                    const Descriptor& descriptor, const std::string& diff_id,
                    bool alone = false) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class LayerTicket;
  using Key = std::pair<std::string, std::string>;  // blob digest, diff ID

  void GiveUp(const std::shared_ptr<LayerJob>& job) ABSL_LOCKS_EXCLUDED(mutex_);
  void RunNext() ABSL_LOCKS_EXCLUDED(mutex_);
  void Run(const std::shared_ptr<LayerJob>& job);
  absl::Status Download(LayerJob* job, const Control& control, Pipe* pipe,
                        bool* reader_left);
  absl::StatusOr<std::shared_ptr<StagedLayer>> Fetch(
      const std::shared_ptr<LayerJob>& job);

  Disk* const disk_;
  runtime::Executor* const executor_;
  absl::Mutex mutex_;
  int parallel_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, std::shared_ptr<LayerJob>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<LayerJob>> waiting_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_LAYERS_H_
