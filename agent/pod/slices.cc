// SPDX-License-Identifier: Apache-2.0
// The systemd driver: pods' cgroups are slices. What is told to systemd stays
// in force when it reloads; what is only written into files would not.
#include "agent/pod/slices.h"

#include <sys/stat.h>

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/pod/cgroup.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/systemd/slice.h"

namespace agent::pod {
namespace {

namespace systemd = ::runtime::systemd;

// systemd keeps a quota as whole percents of a CPU.
constexpr int64_t kQuotaStep = 10000;  // microseconds a second

const std::vector<std::vector<std::string>>& Tiers() {
  static const auto* const kTiers = new std::vector<std::vector<std::string>>{
      {"kubepods"}, {"kubepods", "burstable"}, {"kubepods", "besteffort"}};
  return *kTiers;
}

const std::vector<std::string>& TierOf(const Json& pod) {
  switch (status::QosClass(pod)) {
    case status::Qos::kGuaranteed:
      return Tiers()[0];
    case status::Qos::kBurstable:
      return Tiers()[1];
    case status::Qos::kBestEffort:
      break;
  }
  return Tiers()[2];
}

class Slices : public Cgroups {
 public:
  Slices(std::string root, std::vector<CgroupHierarchy> hierarchies,
         CgroupSettings settings)
      : root_(std::move(root)),
        hierarchies_(std::move(hierarchies)),
        settings_(settings) {}

  std::string PodPath(const Json& pod) const override {
    return PathOf(PodSlice(TierOf(pod), status::Uid(pod)));
  }
  absl::Status Init() override;
  absl::Status CreatePod(const Json& pod) override;
  absl::Status RemovePod(const std::string& uid) override;
  std::vector<std::string> PodDirectories(
      const std::string& uid) const override;
  std::vector<std::string> Existing() override;
  void RemoveIfEmpty() override;

 private:
  std::string PodSlice(std::vector<std::string> tier,
                       const std::string& uid) const {
    tier.push_back(absl::StrCat("pod", uid));
    return SliceName(root_, tier);
  }
  // "" for what is no name of a slice, which systemd then refuses.
  static std::string PathOf(const std::string& slice) {
    return systemd::SlicePath(slice).value_or("");
  }
  // Stops a slice that has no cgroup below it.
  absl::Status Remove(const std::string& slice);

  const std::string root_;
  const std::vector<CgroupHierarchy> hierarchies_;
  const CgroupSettings settings_;
};

absl::Status Slices::Init() {
  for (const std::vector<std::string>& tier : Tiers()) {
    systemd::Properties properties;
    if (tier.back() == "besteffort") {
      properties = SliceProperties(PodLimits(), OnlyV2(hierarchies_));
    }
    RETURN_IF_ERROR(systemd::StartSlice(SliceName(root_, tier), properties));
  }
  return absl::OkStatus();
}

absl::Status Slices::CreatePod(const Json& pod) {
  ASSIGN_OR_RETURN(const PodLimits limits, LimitsBySettings(pod, settings_));
  return systemd::StartSlice(PodSlice(TierOf(pod), status::Uid(pod)),
                             SliceProperties(limits, OnlyV2(hierarchies_)));
}

absl::Status Slices::Remove(const std::string& slice) {
  const std::string path = PathOf(slice);
  std::vector<std::string> left;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    const std::string dir = hierarchy.mount_point + path;
    auto names = runtime::ListDir(dir);
    if (absl::IsNotFound(names.status())) continue;
    RETURN_IF_ERROR(names.status());
    struct stat info {};
    for (const std::string& name : *names) {
      const std::string child = absl::StrCat(dir, "/", name);
      if (lstat(child.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("stop ", slice, ": ", child, " is in it"));
    }
    left.push_back(dir);
  }
  if (left.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(systemd::Stop(slice));
  // Of v1, systemd knows only some hierarchies.
  for (const std::string& dir : left) RETURN_IF_ERROR(RemoveCgroupTree(dir));
  return absl::OkStatus();
}

absl::Status Slices::RemovePod(const std::string& uid) {
  absl::Status result;
  for (const std::vector<std::string>& tier : Tiers()) {
    result.Update(Remove(PodSlice(tier, uid)));
  }
  return result;
}

std::vector<std::string> Slices::PodDirectories(const std::string& uid) const {
  std::vector<std::string> directories;
  for (const std::vector<std::string>& tier : Tiers()) {
    const std::string path = PathOf(PodSlice(tier, uid));
    if (path.empty()) continue;  // else it would be the root
    for (const CgroupHierarchy& hierarchy : hierarchies_) {
      directories.push_back(hierarchy.mount_point + path);
    }
  }
  return directories;
}

std::vector<std::string> Slices::Existing() {
  std::set<std::string> uids;
  for (const std::vector<std::string>& tier : Tiers()) {
    const std::string slice = SliceName(root_, tier);
    const std::string start =
        absl::StrCat(absl::StripSuffix(slice, ".slice"), "-pod");
    for (const CgroupHierarchy& hierarchy : hierarchies_) {
      auto names = runtime::ListDir(hierarchy.mount_point + PathOf(slice));
      if (!names.ok()) continue;
      for (absl::string_view name : *names) {
        if (absl::ConsumePrefix(&name, start) &&
            absl::ConsumeSuffix(&name, ".slice")) {
          uids.insert(absl::StrReplaceAll(name, {{"_", "-"}}));
        }
      }
    }
  }
  return {uids.begin(), uids.end()};
}

void Slices::RemoveIfEmpty() {
  for (auto tier = Tiers().rbegin(); tier != Tiers().rend(); ++tier) {
    const absl::Status removed = Remove(SliceName(root_, *tier));
    if (!removed.ok() && !absl::IsFailedPrecondition(removed)) {
      runtime::log::Warning(removed.message());
    }
  }
}

}  // namespace

std::string SliceName(absl::string_view root,
                      const std::vector<std::string>& parts) {
  std::vector<std::string> all = absl::StrSplit(root, '/', absl::SkipEmpty());
  all.insert(all.end(), parts.begin(), parts.end());
  std::string name;
  for (const std::string& part : all) {
    absl::StrAppend(&name, name.empty() ? "" : "-",
                    absl::StrReplaceAll(part, {{"-", "_"}}));
  }
  return name + ".slice";
}

systemd::Properties SliceProperties(const PodLimits& limits, bool v2) {
  auto number = [](int64_t value) {
    return value > 0 ? static_cast<uint64_t>(value) : systemd::kInfinity;
  };
  int64_t quota = limits.cpu_quota * 1000000 / kCpuPeriod;
  quota = (quota + kQuotaStep - 1) / kQuotaStep * kQuotaStep;
  systemd::Properties properties = {
      {v2 ? "MemoryMax" : "MemoryLimit", number(limits.memory)},
      {"CPUQuotaPerSecUSec", number(quota)},
      {"TasksMax", number(limits.pids)}};
  if (v2) {
    properties.push_back(
        {"CPUWeight", static_cast<uint64_t>(CpuWeight(limits.cpu_shares))});
  } else {
    properties.push_back(
        {"CPUShares", static_cast<uint64_t>(limits.cpu_shares)});
  }
  return properties;
}

std::unique_ptr<Cgroups> MakeSlices(std::string root,
                                    std::vector<CgroupHierarchy> hierarchies,
                                    CgroupSettings settings) {
  return std::make_unique<Slices>(std::move(root), std::move(hierarchies),
                                  settings);
}

}  // namespace agent::pod
