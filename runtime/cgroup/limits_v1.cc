// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"

namespace runtime::cgroup {
namespace {

// Writes files of one cgroup; the directory is looked up per controller.
class Writer {
 public:
  Writer(const Layout& layout, const std::string& path, Writes& writes)
      : layout_(layout), path_(path), writes_(writes) {}

  // NOT_FOUND if the host lacks the controller.
  absl::StatusOr<std::string> Directory(absl::string_view controller) const {
    const Hierarchy* hierarchy = layout_.Find(controller);
    if (hierarchy == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("this host has no cgroup controller ", controller));
    }
    return JoinPath(hierarchy->mount_point, path_);
  }

  absl::Status Write(absl::string_view controller, absl::string_view file,
                     absl::string_view value) const {
    ASSIGN_OR_RETURN(std::string directory, Directory(controller));
    return writes_.Write(absl::StrCat(directory, "/", file), value);
  }

  // A file of the v2 hierarchy of a hybrid host; NOT_FOUND if there is none, or
  // its parents do not pass the controller on.
  absl::Status WriteUnified(absl::string_view file,
                            absl::string_view value) const {
    const Hierarchy* unified = layout_.Unified();
    if (unified == nullptr) return absl::NotFoundError("no cgroup v2");
    std::string path =
        absl::StrCat(JoinPath(unified->mount_point, path_), "/", file);
    if (!Exists(path)) return absl::NotFoundError(path);
    return writes_.Write(path, value);
  }

 private:
  const Layout& layout_;
  const std::string& path_;
  Writes& writes_;
};

absl::Status LimitMemory(const Writer& cgroup, const spec::Resources& r) {
  // v1 limits memory and swap together: memory without a limit leaves none.
  std::optional<int64_t> both = r.memory_swap;
  if (!both.has_value() && r.memory_limit == -1) both = -1;
  if (r.memory_limit.has_value()) {
    std::string limit = absl::StrCat(*r.memory_limit);
    absl::Status status =
        cgroup.Write("memory", "memory.limit_in_bytes", limit);
    // Memory plus swap may not be below memory: when both are raised, swap
    // goes first.
    if (!status.ok() && both.has_value()) {
      RETURN_IF_ERROR(cgroup.Write("memory", "memory.memsw.limit_in_bytes",
                                   absl::StrCat(*both)));
      status = cgroup.Write("memory", "memory.limit_in_bytes", limit);
    }
    RETURN_IF_ERROR(status);
  }
  if (both.has_value()) {
    absl::Status status = cgroup.Write("memory", "memory.memsw.limit_in_bytes",
                                       absl::StrCat(*both));
    // Kernels without swap accounting have no such file; there the memory
    // limit alone is the promise that can be kept.
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  if (r.memory_reservation.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("memory", "memory.soft_limit_in_bytes",
                                 absl::StrCat(*r.memory_reservation)));
  }
  return absl::OkStatus();
}

absl::Status LimitCpuTime(const Writer& cgroup, const spec::Resources& r) {
  auto write_period = [&]() -> absl::Status {
    if (r.cpu_period.value_or(0) == 0) return absl::OkStatus();
    return cgroup.Write("cpu", "cpu.cfs_period_us",
                        absl::StrCat(*r.cpu_period));
  };
  auto write_quota = [&]() -> absl::Status {
    if (r.cpu_quota.value_or(0) == 0) return absl::OkStatus();
    return cgroup.Write("cpu", "cpu.cfs_quota_us", absl::StrCat(*r.cpu_quota));
  };
  // Quota by period may not be above the parent's at any time: a period that
  // is too short for the old quota comes after the new one.
  if (write_period().ok()) return write_quota();
  RETURN_IF_ERROR(write_quota());
  return write_period();
}

absl::Status LimitCpu(const Writer& cgroup, const spec::Resources& r) {
  if (r.cpu_shares.value_or(0) > 0) {
    RETURN_IF_ERROR(
        cgroup.Write("cpu", "cpu.shares", absl::StrCat(*r.cpu_shares)));
  }
  RETURN_IF_ERROR(LimitCpuTime(cgroup, r));
  if (r.cpu_idle.has_value()) {
    RETURN_IF_ERROR(cgroup.Write("cpu", "cpu.idle", absl::StrCat(*r.cpu_idle)));
  }
  if (!r.cpuset_cpus.empty()) {
    RETURN_IF_ERROR(CpusetStatus(
        "cpus", cgroup.Write("cpuset", "cpuset.cpus", r.cpuset_cpus)));
  }
  if (!r.cpuset_mems.empty()) {
    RETURN_IF_ERROR(CpusetStatus(
        "mems", cgroup.Write("cpuset", "cpuset.mems", r.cpuset_mems)));
  }
  return absl::OkStatus();
}

std::string RuleText(const spec::DeviceRule& rule) {
  auto number = [](const std::optional<int64_t>& value) {
    return value.has_value() ? absl::StrCat(*value) : std::string("*");
  };
  return absl::StrCat(std::string(1, rule.type), " ", number(rule.major), ":",
                      number(rule.minor), " ", rule.access);
}

bool IsWildcard(const spec::DeviceRule& rule) {
  return rule.type == 'a' || (!rule.major.has_value() &&
                              !rule.minor.has_value() && rule.type == 'a');
}

absl::Status LimitDevices(const Writer& cgroup, const spec::Resources& r,
                          const std::vector<spec::Device>& devices) {
  // No rules at all means that the caller does not restrict devices.
  if (r.devices.empty()) return absl::OkStatus();
  for (const spec::DeviceRule& rule : DeviceRules(r, devices)) {
    const char* file = rule.allow ? "devices.allow" : "devices.deny";
    std::string text = IsWildcard(rule) ? "a" : RuleText(rule);
    RETURN_IF_ERROR(Annotate(cgroup.Write("devices", file, text), text));
  }
  return absl::OkStatus();
}

// In the v2 hierarchy of a hybrid host controllers reach a cgroup only if each
// of its ancestors passes them on. Where one has processes it cannot: then
// there are no files, and nothing is limited.
void PassOnHugetlb(const Hierarchy& unified, const std::string& path) {
  std::string directory = unified.mount_point;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    WriteFile(directory + "/cgroup.subtree_control", "+hugetlb").IgnoreError();
    absl::StrAppend(&directory, "/", part);
  }
}

absl::Status LimitHugepagesV1(const Layout& layout, const std::string& path,
                              const spec::Resources& r, Writes& writes) {
  if (r.hugepage_limits.empty()) return absl::OkStatus();
  if (const Hierarchy* own = layout.Find("hugetlb"); own != nullptr) {
    return LimitHugepages(JoinPath(own->mount_point, path), "limit_in_bytes", r,
                          writes);
  }
  const Hierarchy* unified = layout.Unified();
  if (unified == nullptr) return LimitHugepages("", "max", r, writes);
  PassOnHugetlb(*unified, path);
  return LimitHugepages(JoinPath(unified->mount_point, path), "max", r, writes);
}

absl::Status LimitUnified(const Writer& cgroup, const spec::Resources& r) {
  for (const auto& [file, value] : r.unified) {
    absl::Status status = cgroup.WriteUnified(file, value);
    if (absl::IsNotFound(status)) {
      return absl::InvalidArgumentError(absl::StrCat(
          UnifiedField(file),
          ": this host has cgroup v1, or no such file in its v2 hierarchy"));
    }
    RETURN_IF_ERROR(Annotate(status, UnifiedField(file)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LimitV1(const Layout& layout, const std::string& path,
                     const spec::Resources& r,
                     const std::vector<spec::Device>& devices, Writes& writes) {
  Writer cgroup(layout, path, writes);
  RETURN_IF_ERROR(LimitMemory(cgroup, r));
  RETURN_IF_ERROR(LimitCpu(cgroup, r));
  if (r.pids_limit.has_value()) {
    std::string limit =
        *r.pids_limit > 0 ? absl::StrCat(*r.pids_limit) : std::string("max");
    RETURN_IF_ERROR(cgroup.Write("pids", "pids.max", limit));
  }
  if (r.blkio_weight.value_or(0) > 0) {
    absl::Status status = cgroup.Write("blkio", "blkio.bfq.weight",
                                       absl::StrCat(*r.blkio_weight));
    if (absl::IsNotFound(status)) {
      status =
          cgroup.Write("blkio", "blkio.weight", absl::StrCat(*r.blkio_weight));
    }
    RETURN_IF_ERROR(status);
  }
  RETURN_IF_ERROR(LimitHugepagesV1(layout, path, r, writes));
  RETURN_IF_ERROR(LimitUnified(cgroup, r));
  return LimitDevices(cgroup, r, devices);
}

}  // namespace runtime::cgroup
