// SPDX-License-Identifier: Apache-2.0
#include "agent/node/capacity.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/env/env.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using config::StringMap;
using runtime::Json;

std::string CpuText(int64_t milli) {
  return milli % 1000 == 0 ? absl::StrCat(milli / 1000)
                           : absl::StrCat(milli, "m");
}
std::string KibText(int64_t bytes) { return absl::StrCat(bytes / 1024, "Ki"); }

// The quantity of `key` in the reservation map `field`, 0 if absent.
absl::StatusOr<int64_t> Reserved(const StringMap& map, const char* field,
                                 const std::string& key) {
  const auto it = map.find(key);
  if (it == map.end()) return 0;
  auto value = key == "cpu" ? env::QuantityMilli(it->second)
                            : env::QuantityBytes(it->second);
  if (!value.ok()) {
    return runtime::Annotate(value.status(), absl::StrCat(field, ".", key));
  }
  return value;
}

absl::StatusOr<int64_t> ReservedSum(const config::KubeletConfig& config,
                                    const std::string& key) {
  ASSIGN_OR_RETURN(const int64_t kube,
                   Reserved(config.kube_reserved, "kubeReserved", key));
  ASSIGN_OR_RETURN(const int64_t system,
                   Reserved(config.system_reserved, "systemReserved", key));
  return kube + system;
}

absl::StatusOr<int64_t> Eviction(const config::KubeletConfig& config,
                                 const std::string& signal, int64_t total) {
  const auto it = config.eviction_hard.find(signal);
  if (it == config.eviction_hard.end()) return 0;
  auto value = Threshold(it->second, total);
  if (!value.ok()) {
    return runtime::Annotate(value.status(),
                             absl::StrCat("evictionHard.", signal));
  }
  return value;
}

}  // namespace

absl::StatusOr<int64_t> Threshold(const std::string& text, int64_t total) {
  absl::string_view number = text;
  if (!absl::ConsumeSuffix(&number, "%")) return env::QuantityBytes(text);
  double percent = 0;
  if (!absl::SimpleAtod(number, &percent) || percent < 0 || percent > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no percentage"));
  }
  return static_cast<int64_t>(
      std::llround(static_cast<double>(total) * percent / 100));
}

Json Capacity(const HostFacts& facts, const Usage& usage,
              const config::KubeletConfig& config) {
  Json capacity = {{"cpu", absl::StrCat(facts.cpus)},
                   {"memory", KibText(facts.memory_bytes)},
                   {"ephemeral-storage", KibText(usage.disk_bytes)},
                   {"pods", absl::StrCat(config.max_pods)}};
  for (const auto& [name, bytes] : facts.hugepages) {
    capacity[name] = absl::StrCat(bytes);
  }
  return capacity;
}

absl::StatusOr<Json> Allocatable(const HostFacts& facts, const Usage& usage,
                                 const config::KubeletConfig& config) {
  Json allocatable = Capacity(facts, usage, config);
  ASSIGN_OR_RETURN(const int64_t cpu, ReservedSum(config, "cpu"));
  ASSIGN_OR_RETURN(int64_t memory, ReservedSum(config, "memory"));
  ASSIGN_OR_RETURN(int64_t disk, ReservedSum(config, "ephemeral-storage"));
  ASSIGN_OR_RETURN(const int64_t memory_eviction,
                   Eviction(config, "memory.available", facts.memory_bytes));
  ASSIGN_OR_RETURN(const int64_t disk_eviction,
                   Eviction(config, "nodefs.available", usage.disk_bytes));
  memory += memory_eviction;
  disk += disk_eviction;
  for (const auto& [name, bytes] : facts.hugepages) memory += bytes;
  const auto left = [](int64_t total, int64_t taken) {
    return std::max<int64_t>(0, total - taken);
  };
  allocatable["cpu"] = CpuText(left(facts.cpus * 1000, cpu));
  allocatable["memory"] = KibText(left(facts.memory_bytes, memory));
  allocatable["ephemeral-storage"] = absl::StrCat(left(usage.disk_bytes, disk));
  return allocatable;
}

}  // namespace agent::node
