// SPDX-License-Identifier: Apache-2.0
// One container's cgroup: the directory of the same path in every hierarchy of
// the host. Making, limits, joining, killing, counting, removing.
//
// Costs: moving a process by cgroup.procs waits for an RCU grace period (10 ms
// on a quiet host), because it must stop all forks. A single thread that moves
// itself, by writing 0 to v1's `tasks`, needs no such stop (Linux 5.5): so the
// new process enters by itself, and on v2 CLONE_INTO_CGROUP avoids the move
// altogether.
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
#include "runtime/cgroup/writes.h"
#include "runtime/spec/spec.h"

namespace runtime::cgroup {

// Not thread safe. Errors name the cgroup's file.
class Cgroup {
 public:
  // `path` is absolute below each hierarchy's root, without "..".
  static absl::StatusOr<Cgroup> At(const std::string& path);
  // On a host whose layout is known.
  static absl::StatusOr<Cgroup> At(const std::string& path,
                                   const Layout& layout);

  const Layout& layout() const { return layout_; }
  const std::string& path() const { return path_; }
  // "/sys/fs/cgroup/memory/kubepods/…".
  std::string Directory(const Hierarchy& hierarchy) const;

  // Makes all directories that are missing, parents included.
  absl::Status Create();
  // Writes what `resources` sets; absent values are left alone.
  absl::Status Limit(const spec::Resources& resources,
                     const std::vector<spec::Device>& devices);
  // The same for a cgroup in use: all or nothing, devices aside.
  // FAILED_PRECONDITION if the memory limit is below what is in use and cannot
  // be dropped, since the kernel would then kill.
  absl::Status Update(const spec::Resources& resources);
  // What a process needs to enter: a file of each v1 hierarchy, and of the v2
  // one unless `v2_joined` (the process will be cloned into it). Whoever has
  // one thread and writes "0" to all is in.
  absl::StatusOr<std::vector<UniqueFd>> OpenDoors(bool v2_joined) const;
  // For CLONE_INTO_CGROUP; an invalid descriptor if there is no v2 hierarchy.
  UniqueFd OpenUnified() const;
  // The same for the cgroup of a process of the container, whose
  // /proc/PID/cgroup reads `membership`: the container may have made cgroups of
  // its own below this one, which then takes no process any more (cgroups(7),
  // "no internal processes"). Invalid if that is not at or below this cgroup.
  UniqueFd OpenUnifiedOf(absl::string_view membership) const;

  // Processes in the cgroup and below it (of the pids, freezer or any other
  // hierarchy).
  absl::StatusOr<std::vector<pid_t>> Pids() const;
  absl::Status Freeze(bool frozen);
  // True while frozen by Freeze(true).
  bool IsFrozen() const;
  // For who asks often: the file that tells, or none.
  UniqueFd OpenFreezer() const;
  static bool IsFrozen(int freezer);

 private:
  absl::Status Write(const spec::Resources& resources,
                     const std::vector<spec::Device>& devices, Writes& writes);

  Layout layout_;
  std::string path_;
};

// For the keeper of a container; see runtime/launch/container.h.
int Remove(const std::string& path);
// The same, but in the hierarchy that is mounted at `kept` the cgroup stays,
// with nothing alive in it.
int RemoveBut(const std::string& path, const std::string& kept);
int Kill(const std::string& path, int signal);
int64_t OomKills(const std::string& path);

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_CGROUP_H_
