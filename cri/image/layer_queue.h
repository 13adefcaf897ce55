// SPDX-License-Identifier: Apache-2.0
// Who is next: the layers of all pulls that wait for a slot, and which of them
// gets the next one. Only order, no threads and no network.
#ifndef CORACLE_CRI_IMAGE_LAYER_QUEUE_H_
#define CORACLE_CRI_IMAGE_LAYER_QUEUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "cri/image/layer_job.h"

namespace cri::image {

// Layers fetched at once.
struct LayerLimits {
  int per_image = 1;
  int total = 1;
};

// Not thread safe. Pulls are numbers, older ones have smaller.
class LayerQueue {
 public:
  using Job = std::shared_ptr<LayerJob>;

  explicit LayerQueue(LayerLimits limits) : limits_(limits) {}

  // For jobs that begin from now on.
  void SetLimits(LayerLimits limits) { limits_ = limits; }

  // A job that waits from now on, wanted by `pull`.
  void Add(uint64_t pull, const Job& job);
  // `pull` wants a job, too, that was added before.
  void Join(uint64_t pull, const Job& job);
  // `pull` wants it no more; one that waits and that nobody wants is dropped.
  void Leave(uint64_t pull, const Job& job);

  // The job that begins now, or null. A slot goes to the image with the fewest
  // bytes left, so that a small image does not wait behind the layers of a huge
  // one; each fourth slot that several wait for goes to the oldest pull, so
  // that many small ones do not stop a huge one either.
  Job Next();
  // A job that Next has returned has ended.
  void Done(const Job& job) { running_.erase(job.get()); }

  // How many layers of `pull` would be fetched now, were there more slots.
  int Waiting(uint64_t pull) const;

 private:
  using Jobs = std::vector<Job>;

  // The first job of `jobs` that waits, or null.
  Job FirstWaiting(const Jobs& jobs) const;
  int Running(const Jobs& jobs) const;
  uint64_t BytesLeft(const Jobs& jobs) const;

  LayerLimits limits_;
  std::map<uint64_t, Jobs> pulls_;
  std::set<const LayerJob*> waiting_, running_;  // what is in neither has ended
  int contested_ = 0;  // slots that several pulls waited for
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_LAYER_QUEUE_H_
