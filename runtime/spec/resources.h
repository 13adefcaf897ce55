// SPDX-License-Identifier: Apache-2.0
// linux.resources of an OCI configuration: what a container may use.
#ifndef CORACLE_RUNTIME_SPEC_RESOURCES_H_
#define CORACLE_RUNTIME_SPEC_RESOURCES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::spec {

struct DeviceRule {
  bool allow = false;
  char type = 'a';  // a, b or c
  std::optional<int64_t> major, minor;
  std::string access = "rwm";
};

struct HugepageLimit {
  std::string page_size;  // "2MB"
  uint64_t limit = 0;
};

struct Resources {
  std::vector<DeviceRule> devices;
  std::optional<int64_t> memory_limit, memory_reservation, memory_swap;
  std::optional<uint64_t> cpu_shares, cpu_period, cpu_realtime_period;
  std::optional<int64_t> cpu_quota, cpu_realtime_runtime, cpu_idle;
  std::optional<uint64_t> cpu_burst;
  std::string cpuset_cpus, cpuset_mems;
  std::optional<int64_t> pids_limit;
  std::optional<uint16_t> blkio_weight;
  std::vector<HugepageLimit> hugepage_limits;
  std::map<std::string, std::string> unified;  // cgroup v2 file → value
};

// linux.resources alone (`update --resources`). INVALID_ARGUMENT as Parse.
absl::StatusOr<Resources> ParseResources(absl::string_view json);

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_RESOURCES_H_
