// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"

namespace runtime::cgroup {
namespace {

std::string OrMax(int64_t value) {
  return value < 0 ? std::string("max") : absl::StrCat(value);
}

absl::Status LimitMemory(const std::string& directory,
                         const spec::Resources& r) {
  if (r.memory_limit.has_value()) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/memory.max"),
                              OrMax(*r.memory_limit)));
  }
  if (r.memory_swap.has_value()) {
    // OCI counts memory and swap together, v2 counts swap alone.
    int64_t swap = *r.memory_swap;
    if (swap >= 0) {
      int64_t memory = r.memory_limit.value_or(0);
      if (memory < 0 || swap < memory) {
        return absl::InvalidArgumentError(
            "linux.resources.memory.swap: is below the memory limit");
      }
      swap -= memory;
    }
    absl::Status status =
        WriteFile(absl::StrCat(directory, "/memory.swap.max"), OrMax(swap));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  if (r.memory_reservation.has_value()) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/memory.low"),
                              OrMax(*r.memory_reservation)));
  }
  return absl::OkStatus();
}

absl::Status LimitCpu(const std::string& directory, const spec::Resources& r) {
  if (r.cpu_shares.value_or(0) > 0) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/cpu.weight"),
                              absl::StrCat(WeightOfShares(*r.cpu_shares))));
  }
  if (r.cpu_quota.value_or(0) != 0 || r.cpu_period.value_or(0) > 0) {
    uint64_t period = r.cpu_period.value_or(0);
    std::string value = OrMax(r.cpu_quota.value_or(-1));
    if (period > 0) absl::StrAppend(&value, " ", period);
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/cpu.max"), value));
  }
  if (r.cpu_burst.has_value()) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/cpu.max.burst"),
                              absl::StrCat(*r.cpu_burst)));
  }
  if (r.cpu_idle.has_value()) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/cpu.idle"),
                              absl::StrCat(*r.cpu_idle)));
  }
  if (!r.cpuset_cpus.empty()) {
    RETURN_IF_ERROR(
        WriteFile(absl::StrCat(directory, "/cpuset.cpus"), r.cpuset_cpus));
  }
  if (!r.cpuset_mems.empty()) {
    RETURN_IF_ERROR(
        WriteFile(absl::StrCat(directory, "/cpuset.mems"), r.cpuset_mems));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t WeightOfShares(uint64_t shares) {
  shares = std::clamp<uint64_t>(shares, 2, 262144);
  return 1 + ((shares - 2) * 9999) / 262142;
}

absl::Status LimitV2(const std::string& directory, const spec::Resources& r,
                     const std::vector<spec::Device>& devices) {
  RETURN_IF_ERROR(LimitMemory(directory, r));
  RETURN_IF_ERROR(LimitCpu(directory, r));
  if (r.pids_limit.has_value()) {
    int64_t limit = *r.pids_limit > 0 ? *r.pids_limit : -1;
    RETURN_IF_ERROR(
        WriteFile(absl::StrCat(directory, "/pids.max"), OrMax(limit)));
  }
  if (r.blkio_weight.value_or(0) > 0) {
    // OCI's 10–1000 on io.weight's 1–10000.
    uint64_t weight =
        1 + (static_cast<uint64_t>(*r.blkio_weight) - 10) * 9999 / 990;
    absl::Status status =
        WriteFile(absl::StrCat(directory, "/io.weight"), absl::StrCat(weight));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  for (const spec::HugepageLimit& limit : r.hugepage_limits) {
    std::string file =
        absl::StrCat(directory, "/hugetlb.", limit.page_size, ".max");
    if (Exists(file))
      RETURN_IF_ERROR(WriteFile(file, absl::StrCat(limit.limit)));
  }
  for (const auto& [file, value] : r.unified) {
    RETURN_IF_ERROR(WriteFile(absl::StrCat(directory, "/", file), value));
  }
  if (r.devices.empty()) return absl::OkStatus();
  return AttachDeviceProgram(directory, DeviceRules(r, devices));
}

}  // namespace runtime::cgroup
