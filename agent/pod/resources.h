// SPDX-License-Identifier: Apache-2.0
// Requests and limits → what the kernel takes (kubelet.md §1.8). Pure but for
// MemoryCapacity.
#ifndef CORACLE_AGENT_POD_RESOURCES_H_
#define CORACLE_AGENT_POD_RESOURCES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::pod {

using runtime::Json;
namespace v1 = ::runtime::v1;

inline constexpr int64_t kCpuPeriod = 100000;  // microseconds

int64_t CpuShares(int64_t milli_cpu);
// Microseconds per kCpuPeriod; 0 (no limit) for 0.
int64_t CpuQuota(int64_t milli_cpu);

// The kernel's view of one container, oom_score_adj included.
absl::StatusOr<v1::LinuxContainerResources> ContainerResources(
    const Json& pod, const Json& container, int64_t memory_capacity);

// Limits of the pod's own cgroup; 0 = none.
struct PodLimits {
  int64_t cpu_shares = 2;
  int64_t cpu_quota = 0;
  int64_t memory = 0;
  int64_t pids = 0;
};
absl::StatusOr<PodLimits> LimitsOfPod(const Json& pod);

// What the scheduler counts for the pod: the sum of containers and sidecars,
// or the largest init container.
struct Requests {
  int64_t milli_cpu = 0;
  int64_t memory = 0;
};
absl::StatusOr<Requests> RequestsOfPod(const Json& pod);

// MemTotal of this host in bytes; 0 if unknown.
int64_t MemoryCapacity();

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_RESOURCES_H_
