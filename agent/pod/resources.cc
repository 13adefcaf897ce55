// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/resources.h"

#include <unistd.h>

#include <algorithm>

#include "agent/env/env.h"
#include "agent/status/spec.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

using status::ContainerKind;
using status::ContainerSpec;

constexpr int64_t kMinShares = 2;
constexpr int64_t kMaxShares = 262144;
constexpr int64_t kMinQuota = 1000;

// The quantity of `name` in requests or limits; 0 if absent.
absl::StatusOr<int64_t> Quantity(const Json& resources, const char* list,
                                 const char* name) {
  const Json& value = runtime::At(resources, {list, name});
  if (value.is_null()) return 0;
  std::string text =
      value.is_string() ? value.get<std::string>() : runtime::DumpJson(value);
  auto parsed = absl::string_view(name) == "cpu" ? env::QuantityMilli(text)
                                                 : env::QuantityBytes(text);
  if (!parsed.ok()) {
    return runtime::Annotate(parsed.status(),
                             absl::StrCat("resources.", list, ".", name));
  }
  return parsed;
}

struct Amounts {
  int64_t cpu_request = 0, cpu_limit = 0, memory_request = 0, memory_limit = 0;
};

// A request that is not given equals the limit.
absl::StatusOr<Amounts> Read(const Json& resources) {
  Amounts out;
  ASSIGN_OR_RETURN(out.cpu_limit, Quantity(resources, "limits", "cpu"));
  ASSIGN_OR_RETURN(out.memory_limit, Quantity(resources, "limits", "memory"));
  ASSIGN_OR_RETURN(out.cpu_request, Quantity(resources, "requests", "cpu"));
  ASSIGN_OR_RETURN(out.memory_request,
                   Quantity(resources, "requests", "memory"));
  const Json& requests = runtime::At(resources, "requests");
  if (!runtime::Has(requests, "cpu")) out.cpu_request = out.cpu_limit;
  if (!runtime::Has(requests, "memory")) out.memory_request = out.memory_limit;
  return out;
}

int64_t OomScoreAdj(const Json& pod, int64_t memory_request, int64_t capacity) {
  int64_t priority = runtime::IntAt(runtime::At(pod, "spec"), "priority");
  if (priority >= 2000001000) return -997;  // system-node-critical
  switch (status::QosClass(pod)) {
    case status::Qos::kGuaranteed:
      return -997;
    case status::Qos::kBestEffort:
      return 1000;
    case status::Qos::kBurstable:
      break;
  }
  if (capacity <= 0) return 999;
  return std::clamp<int64_t>(1000 - 1000 * memory_request / capacity, 3, 999);
}

}  // namespace

int64_t CpuShares(int64_t milli_cpu) {
  return std::clamp(milli_cpu * 1024 / 1000, kMinShares, kMaxShares);
}

int64_t CpuQuota(int64_t milli_cpu) {
  if (milli_cpu <= 0) return 0;
  return std::max(milli_cpu * kCpuPeriod / 1000, kMinQuota);
}

absl::StatusOr<v1::LinuxContainerResources> ContainerResources(
    const Json& pod, const Json& container, int64_t memory_capacity) {
  ASSIGN_OR_RETURN(Amounts amounts, Read(runtime::At(container, "resources")));
  v1::LinuxContainerResources out;
  out.set_cpu_shares(CpuShares(amounts.cpu_request));
  out.set_cpu_period(kCpuPeriod);
  out.set_cpu_quota(CpuQuota(amounts.cpu_limit));
  out.set_memory_limit_in_bytes(amounts.memory_limit);
  out.set_oom_score_adj(
      OomScoreAdj(pod, amounts.memory_request, memory_capacity));
  return out;
}

absl::StatusOr<PodLimits> LimitsOfPod(const Json& pod) {
  int64_t request = 0, quota = 0, memory = 0;
  int64_t init_request = 0, init_quota = 0, init_memory = 0;
  bool cpu_limited = true, memory_limited = true;
  for (const ContainerSpec& spec : status::Containers(pod)) {
    if (spec.kind == ContainerKind::kEphemeral) continue;
    ASSIGN_OR_RETURN(Amounts amounts,
                     Read(runtime::At(*spec.json, "resources")));
    cpu_limited &= amounts.cpu_limit > 0;
    memory_limited &= amounts.memory_limit > 0;
    if (spec.long_running()) {
      request += amounts.cpu_request;
      quota += amounts.cpu_limit;
      memory += amounts.memory_limit;
    } else {
      init_request = std::max(init_request, amounts.cpu_request);
      init_quota = std::max(init_quota, amounts.cpu_limit);
      init_memory = std::max(init_memory, amounts.memory_limit);
    }
  }
  PodLimits out;
  out.cpu_shares = CpuShares(std::max(request, init_request));
  if (cpu_limited) out.cpu_quota = CpuQuota(std::max(quota, init_quota));
  if (memory_limited) out.memory = std::max(memory, init_memory);
  return out;
}

absl::StatusOr<Requests> RequestsOfPod(const Json& pod) {
  Requests sum, init;
  for (const ContainerSpec& spec : status::Containers(pod)) {
    if (spec.kind == ContainerKind::kEphemeral) continue;
    ASSIGN_OR_RETURN(Amounts amounts,
                     Read(runtime::At(*spec.json, "resources")));
    if (spec.long_running()) {
      sum.milli_cpu += amounts.cpu_request;
      sum.memory += amounts.memory_request;
    } else {
      init.milli_cpu = std::max(init.milli_cpu, amounts.cpu_request);
      init.memory = std::max(init.memory, amounts.memory_request);
    }
  }
  return Requests{std::max(sum.milli_cpu, init.milli_cpu),
                  std::max(sum.memory, init.memory)};
}

int64_t MemoryCapacity() {
  int64_t pages = sysconf(_SC_PHYS_PAGES);
  int64_t size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? pages * size : 0;
}

}  // namespace agent::pod
