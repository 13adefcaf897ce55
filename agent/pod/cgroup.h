// SPDX-License-Identifier: Apache-2.0
// Cgroups of the pods (kubelet.md §1.8): <root>/kubepods, its burstable and
// besteffort tiers, and one per pod with the pod's limits. Container cgroups
// below are the CRI server's. Works on v1, hybrid and v2: the layout is read
// from mountinfo once; on v1 every hierarchy gets the same directories.
#ifndef CORACLE_AGENT_POD_CGROUP_H_
#define CORACLE_AGENT_POD_CGROUP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/pod/resources.h"
#include "agent/status/spec.h"
#include "runtime/base/json.h"

namespace agent::pod {

struct CgroupHierarchy {
  std::string mount_point;
  bool v2 = false;
  // v1: which controllers it carries.
  bool cpu = false, memory = false, pids = false;
};

// What the node's configuration says of every pod.
struct CgroupSettings {
  int64_t pids_limit = -1;  // below 1: none
  bool cpu_quota = true;    // enforce CPU limits
};

// The hierarchies in the text of /proc/<pid>/mountinfo.
std::vector<CgroupHierarchy> ParseCgroupMounts(absl::string_view mountinfo);

// cpu.weight for cpu.shares, the newer runc and crun formula.
int64_t CpuWeight(int64_t shares);

// Thread safe; methods touch cgroupfs.
class Cgroups {
 public:
  // `root` is the cgroup below which kubepods goes ("/").
  Cgroups(std::string root, std::vector<CgroupHierarchy> hierarchies,
          CgroupSettings settings = CgroupSettings());
  // Hierarchies of this process.
  static std::vector<CgroupHierarchy> Detect();

  // "/kubepods/burstable/pod<uid>" below the root: CRI's cgroup_parent.
  std::string PodPath(const Json& pod) const;

  // Makes kubepods and its tiers; idempotent.
  absl::Status Init();
  absl::Status CreatePod(const Json& pod);
  // Removes the pod's cgroups of every tier and hierarchy. Gone is OK; a busy
  // one is FAILED_PRECONDITION.
  absl::Status RemovePod(const std::string& uid);
  // UIDs of pods that have a cgroup.
  std::vector<std::string> Existing();
  // Removes kubepods itself if nothing is below it.
  void RemoveIfEmpty();

 private:
  absl::Status Make(const std::string& path);
  absl::Status Limit(const std::string& path, const PodLimits& limits);

  const std::string root_;
  const std::vector<CgroupHierarchy> hierarchies_;
  const CgroupSettings settings_;
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_CGROUP_H_
