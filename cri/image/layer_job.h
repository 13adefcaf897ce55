// SPDX-License-Identifier: Apache-2.0
// One layer on its way from a source to the disk.
#ifndef CORACLE_CRI_IMAGE_LAYER_JOB_H_
#define CORACLE_CRI_IMAGE_LAYER_JOB_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cri/image/disk.h"
#include "cri/image/manifest.h"
#include "cri/image/source.h"

namespace cri::image {

// Thread safe.
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

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_LAYER_JOB_H_
