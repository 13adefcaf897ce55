// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"

namespace runtime::cgroup {
namespace {

std::string OrMax(int64_t value) {
  return value < 0 ? std::string("max") : absl::StrCat(value);
}

// Writes files of one cgroup.
class Writer {
 public:
  Writer(const std::string& directory, Writes& writes)
      : directory_(directory), writes_(writes) {}

  std::string Path(absl::string_view file) const {
    return absl::StrCat(directory_, "/", file);
  }
  absl::Status Write(absl::string_view file, absl::string_view value) const {
    return writes_.Write(Path(file), value);
  }
  // The first word of a file, "" if there is none.
  std::string Now(absl::string_view file) const {
    std::string text = ReadFile(Path(file), 4096).value_or("");
    return text.substr(0, text.find_first_of(" \n"));
  }

 private:
  const std::string& directory_;
  Writes& writes_;
};

absl::Status LimitSwap(const Writer& cgroup, const spec::Resources& r) {
  // OCI counts memory and swap together, v2 counts swap alone.
  int64_t swap = *r.memory_swap;
  if (swap >= 0) {
    int64_t memory = 0;
    if (r.memory_limit.has_value()) {
      memory = *r.memory_limit;
    } else if (!absl::SimpleAtoi(cgroup.Now("memory.max"), &memory)) {
      memory = -1;
    }
    if (memory < 0 || swap < memory) {
      return absl::InvalidArgumentError(
          "linux.resources.memory.swap: is below the memory limit");
    }
    swap -= memory;
  }
  absl::Status status = cgroup.Write("memory.swap.max", OrMax(swap));
  // Kernels without swap accounting have no such file.
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status LimitMemory(const Writer& cgroup, const spec::Resources& r) {
  if (r.memory_swap.has_value()) RETURN_IF_ERROR(LimitSwap(cgroup, r));
  if (r.memory_limit.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("memory.max", OrMax(*r.memory_limit)));
  }
  if (r.memory_reservation.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("memory.low", OrMax(*r.memory_reservation)));
  }
  return absl::OkStatus();
}

absl::Status LimitCpu(const Writer& cgroup, const spec::Resources& r) {
  if (r.cpu_shares.value_or(0) > 0) {
    RETURN_IF_ERROR(cgroup.Write("cpu.weight",
                                 absl::StrCat(WeightOfShares(*r.cpu_shares))));
  }
  if (r.cpu_quota.value_or(0) != 0 || r.cpu_period.value_or(0) > 0) {
    uint64_t period = r.cpu_period.value_or(0);
    std::string value = r.cpu_quota.value_or(0) != 0 ? OrMax(*r.cpu_quota)
                                                     : cgroup.Now("cpu.max");
    if (value.empty()) value = "max";
    if (period > 0) absl::StrAppend(&value, " ", period);
    RETURN_IF_ERROR(cgroup.Write("cpu.max", value));
  }
  if (r.cpu_burst.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("cpu.max.burst", absl::StrCat(*r.cpu_burst)));
  }
  if (r.cpu_idle.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("cpu.idle", absl::StrCat(*r.cpu_idle)));
  }
  if (!r.cpuset_cpus.empty()) {
    RETURN_IF_ERROR(
        CpusetStatus("cpus", cgroup.Write("cpuset.cpus", r.cpuset_cpus)));
  }
  if (!r.cpuset_mems.empty()) {
    RETURN_IF_ERROR(
        CpusetStatus("mems", cgroup.Write("cpuset.mems", r.cpuset_mems)));
  }
  return absl::OkStatus();
}

absl::Status LimitUnified(const Writer& cgroup, const spec::Resources& r) {
  for (const auto& [file, value] : r.unified) {
    const std::string field = UnifiedField(file);
    absl::Status status = cgroup.Write(file, value);
    if (absl::IsNotFound(status)) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": the cgroup has no such file"));
    }
    RETURN_IF_ERROR(Annotate(status, field));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CpusetStatus(absl::string_view field,
                          const absl::Status& written) {
  absl::StatusCode code = written.code();
  switch (code) {
    case absl::StatusCode::kOutOfRange:        // no host can have these
    case absl::StatusCode::kPermissionDenied:  // the parent has not
      code = absl::StatusCode::kInvalidArgument;
      break;
    case absl::StatusCode::kNotFound:
      code = absl::StatusCode::kFailedPrecondition;
      break;
    default:
      break;
  }
  return Annotate(absl::Status(code, written.message()),
                  absl::StrCat("linux.resources.cpu.", field));
}

std::string UnifiedField(absl::string_view file) {
  return absl::StrCat("linux.resources.unified[\"", file, "\"]");
}

uint64_t WeightOfShares(uint64_t shares) {
  shares = std::clamp<uint64_t>(shares, 2, 262144);
  return 1 + ((shares - 2) * 9999) / 262142;
}

absl::Status LimitV2(const std::string& directory, const spec::Resources& r,
                     const std::vector<spec::Device>& devices, Writes& writes) {
  Writer cgroup(directory, writes);
  RETURN_IF_ERROR(LimitMemory(cgroup, r));
  RETURN_IF_ERROR(LimitCpu(cgroup, r));
  if (r.pids_limit.has_value()) {
    int64_t limit = *r.pids_limit > 0 ? *r.pids_limit : -1;
    RETURN_IF_ERROR(cgroup.Write("pids.max", OrMax(limit)));
  }
  if (r.blkio_weight.value_or(0) > 0) {
    // OCI's 10–1000 on io.weight's 1–10000.
    uint64_t weight =
        1 + (static_cast<uint64_t>(*r.blkio_weight) - 10) * 9999 / 990;
    absl::Status status = cgroup.Write("io.weight", absl::StrCat(weight));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  RETURN_IF_ERROR(LimitHugepages(directory, "max", r, writes));
  RETURN_IF_ERROR(LimitUnified(cgroup, r));
  if (r.devices.empty()) return absl::OkStatus();
  return AttachDeviceProgram(directory, DeviceRules(r, devices));
}

}  // namespace runtime::cgroup
