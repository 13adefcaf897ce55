// SPDX-License-Identifier: Apache-2.0
// Cgroups of the pods (kubelet.md §1.8): <root>/kubepods, its burstable and
// besteffort tiers, and one per pod with the pod's limits. Container cgroups
// below are the CRI server's. Works on v1, hybrid and v2: the layout is read
// from mountinfo once; on v1 every hierarchy gets the same directories. With
// the systemd driver they are slices that systemd makes, limits included.
#ifndef CORACLE_AGENT_POD_CGROUP_H_
#define CORACLE_AGENT_POD_CGROUP_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
  bool systemd = false;     // the driver; else cgroupfs
};

// The hierarchies in the text of /proc/<pid>/mountinfo.
std::vector<CgroupHierarchy> ParseCgroupMounts(absl::string_view mountinfo);

// cpu.weight for cpu.shares, the newer runc and crun formula.
int64_t CpuWeight(int64_t shares);

// Thread safe; methods block on cgroupfs or systemd.
class Cgroups {
 public:
  virtual ~Cgroups() = default;

  // Of the pod, below the hierarchies' roots: CRI's cgroup_parent. As
  // "/kubepods/burstable/pod<uid>", or the path of a slice.
  virtual std::string PodPath(const Json& pod) const = 0;

  // Makes kubepods and its tiers; idempotent.
  virtual absl::Status Init() = 0;
  virtual absl::Status CreatePod(const Json& pod) = 0;
  // Removes the pod's cgroups of every tier and hierarchy. Gone is OK; a busy
  // one is FAILED_PRECONDITION.
  virtual absl::Status RemovePod(const std::string& uid) = 0;
  // Where these are, or would be.
  virtual std::vector<std::string> PodDirectories(
      const std::string& uid) const = 0;
  // UIDs of pods that have a cgroup.
  virtual std::vector<std::string> Existing() = 0;
  // Removes kubepods itself if nothing is below it.
  virtual void RemoveIfEmpty() = 0;
};

// Hierarchies of this process.
std::vector<CgroupHierarchy> DetectCgroups();

// `root` is the cgroup below which kubepods goes ("/"). No hierarchies: nothing
// is made.
std::unique_ptr<Cgroups> MakeCgroups(std::string root,
                                     std::vector<CgroupHierarchy> hierarchies,
                                     CgroupSettings settings = {});

// For the drivers.
std::unique_ptr<Cgroups> MakeSlices(std::string root,
                                    std::vector<CgroupHierarchy> hierarchies,
                                    CgroupSettings settings);
// What the pod's own cgroup is limited to by these settings.
absl::StatusOr<PodLimits> LimitsBySettings(const Json& pod,
                                           const CgroupSettings& settings);
// Whether no controller is in a v1 hierarchy.
bool OnlyV2(const std::vector<CgroupHierarchy>& hierarchies);
// rmdir of `dir` and the empty cgroups below it. Gone is OK.
absl::Status RemoveCgroupTree(const std::string& dir);
// Paths of the cgroups in `dir`.
absl::StatusOr<std::vector<std::string>> ChildCgroups(const std::string& dir);

// RemovePod once nothing of the pod is left in its runtime: what is still in
// its cgroups is a process that the runtime lost. It is killed, which is
// logged, and its end is waited for, up to a second.
absl::Status EndPod(Cgroups& cgroups, const std::string& uid);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_CGROUP_H_
