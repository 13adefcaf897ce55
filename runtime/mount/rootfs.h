// SPDX-License-Identifier: Apache-2.0
// A container's view of files: root, mounts, devices, masks, pivot_root. All of
// it happens in the container's new mount namespace, in the process that will
// become its init, single-threaded.
//
// Order: Prepare (clones what comes from the host while the host's propagation
// is still in place) → Build → Pivot. Errors name the mount: "mount /data: …".
#ifndef CORACLE_RUNTIME_MOUNT_ROOTFS_H_
#define CORACLE_RUNTIME_MOUNT_ROOTFS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/mount/options.h"
#include "runtime/path/root.h"
#include "runtime/spec/spec.h"

namespace runtime::mount {

struct RootPlan {
  std::vector<std::string> lower_dirs;  // top first; empty = no overlay
  std::string upper_dir, work_dir;
  std::string rootfs_dir;  // absolute; mount point, or the prepared root
  std::string bundle_dir;  // relative bind sources start here
  const spec::Config* config = nullptr;
  // The container's own directory in each cgroup hierarchy: what a "cgroup"
  // mount shows. `links` are alias → name (cpu → cpu,cpuacct).
  struct CgroupView {
    std::string name;  // directory below the mount; "" = the mount (v2)
    std::string host_directory;
  };
  std::vector<CgroupView> cgroups;
  std::vector<std::pair<std::string, std::string>> cgroup_links;
};

// Owns the descriptors of one construction. Not thread safe.
class RootBuilder {
 public:
  explicit RootBuilder(const RootPlan* plan) : plan_(plan) {}

  absl::Status Prepare();
  // Root, mounts, devices, masks and read-only paths. With `pty` a terminal is
  // made: *pty is its master, the slave becomes /dev/console.
  absl::Status Build(UniqueFd* pty, UniqueFd* pty_slave);
  // Makes the root the process's "/" and lets go of the host's tree.
  absl::Status Pivot();

 private:
  struct Prepared {
    const spec::Mount* mount;
    Options options;
    std::string destination;  // cleaned, absolute
    UniqueFd tree;            // of a bind
    bool directory = true;
  };

  absl::Status PrepareBind(Prepared* prepared);
  absl::Status MountRoot();
  absl::Status MountOne(Prepared* prepared);
  absl::Status MountBind(Prepared* prepared);
  absl::Status MountCgroup(Prepared* prepared);
  absl::Status Finish();

  const RootPlan* plan_;
  std::vector<Prepared> mounts_;
  UniqueFd null_;  // the host's /dev/null, verified
  path::Root root_{UniqueFd()};
  // tmpfs mounts that turn read-only when everything in them exists.
  std::vector<std::pair<UniqueFd, std::string>> read_only_later_;
};

// "/a//b/./../c" → "/a/c": only to compare destinations with names such as
// /proc; resolution itself is the kernel's.
std::string CleanPath(const std::string& path);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_ROOTFS_H_
