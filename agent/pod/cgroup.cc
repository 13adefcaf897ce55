// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/cgroup.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

constexpr const char* kTiers[] = {"", "/burstable", "/besteffort"};
constexpr const char* kControllers[] = {"+cpu",  "+cpuset",  "+memory",
                                        "+pids", "+hugetlb", "+io"};

std::string Kubepods(const std::string& root) {
  return absl::StrCat(absl::StripSuffix(root, "/"), "/kubepods");
}

const char* Tier(const Json& pod) {
  switch (status::QosClass(pod)) {
    case status::Qos::kGuaranteed:
      return "";
    case status::Qos::kBurstable:
      return "/burstable";
    case status::Qos::kBestEffort:
      break;
  }
  return "/besteffort";
}

// Lets children of `dir` use every controller the kernel offers there.
void EnableControllers(const std::string& dir) {
  for (const char* controller : kControllers) {
    // One that is not available or held by root's own processes is simply not
    // handed down; writing limits says so if one is needed.
    (void)runtime::WriteFile(dir + "/cgroup.subtree_control", controller);
  }
}

}  // namespace

std::vector<CgroupHierarchy> ParseCgroupMounts(absl::string_view mountinfo) {
  std::vector<CgroupHierarchy> out;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    // "ID parent dev root MOUNT options … - TYPE source SUPER-OPTIONS"
    std::vector<absl::string_view> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    std::vector<absl::string_view> left = absl::StrSplit(halves[0], ' ');
    std::vector<absl::string_view> right = absl::StrSplit(halves[1], ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    if (right[0] != "cgroup" && right[0] != "cgroup2") continue;
    CgroupHierarchy hierarchy;
    hierarchy.mount_point = std::string(left[4]);
    hierarchy.v2 = right[0] == "cgroup2";
    for (absl::string_view option : absl::StrSplit(right[2], ',')) {
      hierarchy.cpu |= option == "cpu";
      hierarchy.memory |= option == "memory";
      hierarchy.pids |= option == "pids";
    }
    bool known = std::any_of(out.begin(), out.end(), [&](const auto& other) {
      return other.mount_point == hierarchy.mount_point;
    });
    if (!known) out.push_back(std::move(hierarchy));
  }
  return out;
}

int64_t CpuWeight(int64_t shares) {
  if (shares <= 0) return 100;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  double l = std::log2(static_cast<double>(shares));
  double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<int64_t>(std::ceil(std::pow(10, exponent)));
}

bool OnlyV2(const std::vector<CgroupHierarchy>& hierarchies) {
  return std::none_of(hierarchies.begin(), hierarchies.end(),
                      [](const auto& h) { return !h.v2; });
}

absl::StatusOr<std::vector<std::string>> ChildCgroups(const std::string& dir) {
  ASSIGN_OR_RETURN(const auto names, runtime::ListDir(dir));
  std::vector<std::string> children;
  for (const std::string& name : names) {
    std::string child = absl::StrCat(dir, "/", name);
    struct stat info {};
    if (lstat(child.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      children.push_back(std::move(child));
    }
  }
  return children;
}

// A cgroup directory's files cannot be unlinked, so this is not RemoveTree.
absl::Status RemoveCgroupTree(const std::string& dir) {
  if (rmdir(dir.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  const auto children = ChildCgroups(dir);
  if (absl::IsNotFound(children.status())) return absl::OkStatus();
  RETURN_IF_ERROR(children.status());
  for (const std::string& child : *children) {
    RETURN_IF_ERROR(RemoveCgroupTree(child));
  }
  if (rmdir(dir.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return runtime::ErrnoStatus("rmdir " + dir);
}

absl::StatusOr<PodLimits> LimitsBySettings(const Json& pod,
                                           const CgroupSettings& settings) {
  ASSIGN_OR_RETURN(PodLimits limits, LimitsOfPod(pod));
  if (!settings.cpu_quota) limits.cpu_quota = 0;
  limits.pids = settings.pids_limit;
  return limits;
}

std::vector<CgroupHierarchy> DetectCgroups() {
  auto text = runtime::ReadFile("/proc/self/mountinfo");
  return text.ok() ? ParseCgroupMounts(*text) : std::vector<CgroupHierarchy>();
}

namespace {

// The agent itself, in the file system.
class Directories : public Cgroups {
 public:
  Directories(std::string root, std::vector<CgroupHierarchy> hierarchies,
              CgroupSettings settings)
      : root_(std::move(root)),
        hierarchies_(std::move(hierarchies)),
        settings_(settings) {}

  std::string PodPath(const Json& pod) const override;
  absl::Status Init() override;
  absl::Status CreatePod(const Json& pod) override;
  absl::Status RemovePod(const std::string& uid) override;
  std::vector<std::string> PodDirectories(
      const std::string& uid) const override;
  std::vector<std::string> Existing() override;
  void RemoveIfEmpty() override;

 private:
  absl::Status Make(const std::string& path);
  absl::Status Limit(const std::string& path, const PodLimits& limits);

  const std::string root_;
  const std::vector<CgroupHierarchy> hierarchies_;
  const CgroupSettings settings_;
};

std::string Directories::PodPath(const Json& pod) const {
  return absl::StrCat(Kubepods(root_), Tier(pod), "/pod", status::Uid(pod));
}

absl::Status Directories::Make(const std::string& path) {
  const bool only_v2 = OnlyV2(hierarchies_);
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    const bool pids = hierarchy.pids && settings_.pids_limit > 0;
    if (!hierarchy.cpu && !hierarchy.memory && !pids &&
        !(hierarchy.v2 && only_v2)) {
      continue;
    }
    std::string dir = hierarchy.mount_point;
    for (absl::string_view part :
         absl::StrSplit(path, '/', absl::SkipEmpty())) {
      if (only_v2) EnableControllers(dir);
      absl::StrAppend(&dir, "/", part);
      if (mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) {
        return runtime::ErrnoStatus("mkdir " + dir);
      }
    }
    if (only_v2) EnableControllers(dir);
  }
  return absl::OkStatus();
}

absl::Status Directories::Limit(const std::string& path,
                                const PodLimits& limits) {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    std::string dir = hierarchy.mount_point + path;
    auto write = [&dir](const char* file, const std::string& value) {
      return runtime::WriteFile(absl::StrCat(dir, "/", file), value);
    };
    if (hierarchy.v2) {
      if (!runtime::Exists(dir + "/cpu.weight")) continue;  // hybrid
      RETURN_IF_ERROR(
          write("cpu.weight", absl::StrCat(CpuWeight(limits.cpu_shares))));
      std::string quota = limits.cpu_quota > 0 ? absl::StrCat(limits.cpu_quota)
                                               : std::string("max");
      RETURN_IF_ERROR(write("cpu.max", absl::StrCat(quota, " ", kCpuPeriod)));
      RETURN_IF_ERROR(write("memory.max", limits.memory > 0
                                              ? absl::StrCat(limits.memory)
                                              : std::string("max")));
      if (limits.pids > 0) {
        RETURN_IF_ERROR(write("pids.max", absl::StrCat(limits.pids)));
      }
      continue;
    }
    if (hierarchy.pids && limits.pids > 0) {
      RETURN_IF_ERROR(write("pids.max", absl::StrCat(limits.pids)));
    }
    if (hierarchy.cpu) {
      RETURN_IF_ERROR(write("cpu.shares", absl::StrCat(limits.cpu_shares)));
      if (limits.cpu_quota > 0) {
        RETURN_IF_ERROR(write("cpu.cfs_period_us", absl::StrCat(kCpuPeriod)));
        RETURN_IF_ERROR(
            write("cpu.cfs_quota_us", absl::StrCat(limits.cpu_quota)));
      }
    }
    if (hierarchy.memory && limits.memory > 0) {
      RETURN_IF_ERROR(
          write("memory.limit_in_bytes", absl::StrCat(limits.memory)));
    }
  }
  return absl::OkStatus();
}

absl::Status Directories::Init() {
  for (const char* tier : kTiers) {
    RETURN_IF_ERROR(Make(Kubepods(root_) + tier));
  }
  PodLimits lowest;
  return Limit(Kubepods(root_) + "/besteffort", lowest);
}

absl::Status Directories::CreatePod(const Json& pod) {
  ASSIGN_OR_RETURN(PodLimits limits, LimitsBySettings(pod, settings_));
  std::string path = PodPath(pod);
  RETURN_IF_ERROR(Make(path));
  return Limit(path, limits);
}

absl::Status Directories::RemovePod(const std::string& uid) {
  absl::Status result;
  for (const std::string& dir : PodDirectories(uid)) {
    result.Update(RemoveCgroupTree(dir));
  }
  return result;
}

std::vector<std::string> Directories::PodDirectories(
    const std::string& uid) const {
  std::vector<std::string> directories;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    for (const char* tier : kTiers) {
      directories.push_back(absl::StrCat(hierarchy.mount_point, Kubepods(root_),
                                         tier, "/pod", uid));
    }
  }
  return directories;
}

std::vector<std::string> Directories::Existing() {
  std::set<std::string> out;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    for (const char* tier : kTiers) {
      auto names = runtime::ListDir(
          absl::StrCat(hierarchy.mount_point, Kubepods(root_), tier));
      if (!names.ok()) continue;
      for (const std::string& name : *names) {
        absl::string_view uid = name;
        if (absl::ConsumePrefix(&uid, "pod")) out.insert(std::string(uid));
      }
    }
  }
  return {out.begin(), out.end()};
}

void Directories::RemoveIfEmpty() {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    std::string dir = hierarchy.mount_point + Kubepods(root_);
    rmdir((dir + "/burstable").c_str());
    rmdir((dir + "/besteffort").c_str());
    rmdir(dir.c_str());
  }
}

}  // namespace

std::unique_ptr<Cgroups> MakeCgroups(std::string root,
                                     std::vector<CgroupHierarchy> hierarchies,
                                     CgroupSettings settings) {
  if (settings.systemd && !hierarchies.empty()) {
    return MakeSlices(std::move(root), std::move(hierarchies), settings);
  }
  return std::make_unique<Directories>(std::move(root), std::move(hierarchies),
                                       settings);
}

}  // namespace agent::pod
