// SPDX-License-Identifier: Apache-2.0
// One container's cgroup: the directory of the same path in every hierarchy of
// the host. Making, limits, joining, killing, counting, removing.
//
// Costs: writing cgroup.procs waits for an RCU grace period (10 ms on a quiet
// host), further writes right after it do not. So all hierarchies are joined
// back to back, by a process that is not waited for by the one that mounts;
// on v2 CLONE_INTO_CGROUP avoids the move altogether.
#ifndef CORACLE_RUNTIME_CGROUP_CGROUP_H_
#define CORACLE_RUNTIME_CGROUP_CGROUP_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"
#include "runtime/spec/spec.h"

namespace runtime::cgroup {

// Not thread safe. Errors name the cgroup's file.
class Cgroup {
 public:
  // `path` is absolute below each hierarchy's root, without "..".
  static absl::StatusOr<Cgroup> At(const std::string& path);

  const Layout& layout() const { return layout_; }
  const std::string& path() const { return path_; }
  // "/sys/fs/cgroup/memory/kubepods/…".
  std::string Directory(const Hierarchy& hierarchy) const;

  // Makes all directories that are missing, parents included.
  absl::Status Create();
  // Writes what `resources` sets; absent values are left alone.
  absl::Status Limit(const spec::Resources& resources,
                     const std::vector<spec::Device>& devices);
  // Moves `pid` into the v1 hierarchies, and into v2 ones unless
  // `v2_joined` (it was cloned into it).
  absl::Status Join(pid_t pid, bool v2_joined);
  // For CLONE_INTO_CGROUP; an invalid descriptor if there is no v2 hierarchy.
  UniqueFd OpenUnified() const;

  // Processes in the cgroup and below it (of the pids, freezer or any other
  // hierarchy).
  absl::StatusOr<std::vector<pid_t>> Pids() const;
  absl::Status Freeze(bool frozen);
  // True while frozen by Freeze(true).
  bool IsFrozen() const;

 private:
  Layout layout_;
  std::string path_;
};

// For the keeper of a container; see runtime/launch/container.h.
int Remove(const std::string& path);
int Kill(const std::string& path, int signal);
int64_t OomKills(const std::string& path);

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_CGROUP_H_
