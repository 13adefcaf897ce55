// SPDX-License-Identifier: Apache-2.0
// Sampler knows what containers and pods use, and says it in CRI's words. It
// opens the files of a container or pod when first asked about it, keeps them
// until Forget, and does nothing between two questions.
#ifndef CORACLE_CRI_STATS_SAMPLER_H_
#define CORACLE_CRI_STATS_SAMPLER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cri/container/container.h"
#include "cri/sandbox/sandbox.h"
#include "cri/stats/interfaces.h"
#include "cri/stats/layer_usage.h"
#include "cri/stats/rate.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/executor.h"
#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/meter.h"

namespace cri::stats {

struct SamplerOptions {
  std::string root;        // containers' layers: <root>/containers/<id>/upper
  std::string mountpoint;  // on whose file system they lie, for clients
  runtime::Executor* executor = nullptr;
  runtime::cgroup::Layout layout;
  // Whether a container or sandbox is still there; not any more before Forget
  // is told of it.
  std::function<bool(const std::string& id)> exists;
};

// One reading. After the end of a cgroup its counters stay what they were last
// seen to be, all else is 0.
struct Sample {
  absl::Time at;
  runtime::cgroup::Usage usage;
  std::optional<uint64_t> nano_cores;
};

// A pod and its containers, as the caller knows them at the moment.
struct Pod {
  sandbox::SandboxPtr sandbox;
  std::vector<container::ContainerPtr> containers;
  // Other pods live in its cgroup too, so that the pod is the sum of its
  // containers.
  bool shared_cgroup = false;
};

// Thread safe. Calls read files of cgroup and proc, and walk small layers.
class Sampler {
 public:
  explicit Sampler(SamplerOptions options) : options_(std::move(options)) {}

  runtime::v1::ContainerStats StatsOf(const container::Container& container);
  runtime::v1::PodSandboxStats StatsOf(const Pod& pod);

  // Values of every family in Descriptors (metrics.h) that has one.
  runtime::v1::PodSandboxMetrics MetricsOf(const Pod& pod);
  // Whether this kernel keeps pressure by cgroup.
  bool HasPressure() const;

  // Closes what is kept for a container or sandbox that is gone. What a
  // container had used when it was last read goes on counting for its pod.
  // `pod_id` is the sandbox's, of itself too.
  void Forget(const std::string& id, const std::string& pod_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // For tests: of how many files are kept.
  size_t Kept() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Source;
  using SourcePtr = std::shared_ptr<Source>;
  struct Source {
    Source(const runtime::cgroup::Layout& layout, const std::string& path,
           bool is_kept)
        : kept(is_kept), meter(layout, path) {}

    // A pod's before those of its containers.
    absl::Mutex mutex;
    bool kept ABSL_GUARDED_BY(mutex);  // until Forget
    runtime::cgroup::Meter meter ABSL_GUARDED_BY(mutex);
    CpuRate rate ABSL_GUARDED_BY(mutex);
    runtime::cgroup::Usage last ABSL_GUARDED_BY(mutex);
    std::shared_ptr<LayerUsage> layer;  // of containers
    // Of pods: the network; those of its containers that count for its sum,
    // until Forget; what the forgotten ones had counted.
    std::optional<PodProc> network ABSL_GUARDED_BY(mutex);
    std::set<SourcePtr> parts ABSL_GUARDED_BY(mutex);
    runtime::cgroup::Usage removed ABSL_GUARDED_BY(mutex);
    bool is_sum ABSL_GUARDED_BY(mutex) = false;
  };
  struct Part {
    SourcePtr source;
    Sample sample;
  };

  SourcePtr Find(const container::Container& container);
  SourcePtr Find(const sandbox::Sandbox& sandbox);
  // Made for somebody who listed it before it was removed, it is not kept.
  SourcePtr FindOrMake(const std::string& id, const std::string& cgroup_path,
                       const std::string& layer_path)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::string LayerPath(const container::Container& container) const;
  static Sample Read(Source& source);
  // Once a sum, always a sum: the cgroup alone counts other pods too.
  static bool IsSum(const Pod& pod, Source& source);
  // Of a pod. No counter ever goes back, whatever becomes of containers.
  static Sample ReadSum(Source& source, const std::vector<Part>& parts);
  runtime::v1::ContainerStats ToStats(const container::Container& container,
                                      Source& source, const Sample& sample);
  runtime::v1::ContainerMetrics MetricsOf(
      const container::Container& container);

  const SamplerOptions options_;
  mutable absl::Mutex mutex_;
  std::map<std::string, SourcePtr> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_SAMPLER_H_
