// SPDX-License-Identifier: Apache-2.0
// A container's view of files: root, mounts, devices, masks, pivot_root.
//
// All in the set-up process. Prepare with all privileges on the host: clones
// what comes from there while the host's propagation is still in place, and
// makes the root. Then, in the container's new namespaces (but the PID
// namespace, whose init makes the procfs), Build → Pivot; init, which shares
// the mount namespace, has the new root with it. Errors name the mount: "mount
// /data: …".
#ifndef CORACLE_RUNTIME_MOUNT_ROOTFS_H_
#define CORACLE_RUNTIME_MOUNT_ROOTFS_H_

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/mount/options.h"
#include "runtime/mount/overlay.h"
#include "runtime/path/root.h"
#include "runtime/spec/spec.h"

namespace runtime::mount {

struct RootPlan {
  std::vector<std::string> lower_dirs;  // top first; empty = no overlay
  std::string upper_dir, work_dir;
  std::string rootfs_dir;  // absolute; mount point, or the prepared root
  std::string bundle_dir;  // relative bind sources start here
  const spec::Config* config = nullptr;
  // The container's user namespace, or -1. The layers are then shown with the
  // owners that it maps; the upper directory keeps IDs of the host.
  int user_namespace = -1;
  std::optional<std::pair<uid_t, gid_t>> host_root;  // of that namespace
  // For each mount of the config the user namespace that maps its IDs, or -1.
  std::vector<int> id_maps;
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

  // Its working directory afterwards is where Build attaches the root, unless
  // the process enters another mount namespace.
  absl::Status Prepare();
  // A procfs of the config, which a process of the container's PID namespace
  // has to make.
  struct Proc {
    size_t index = 0;
    std::string destination;
    std::vector<std::string> options;  // "key=value" or a flag
    uint64_t attributes = 0;           // MOUNT_ATTR_…
  };
  std::vector<Proc> Procs() const;
  // `fd` is detached.
  void TakeProc(const Proc& proc, UniqueFd fd);
  // Whether a tmpfs starts as a copy of what it covers.
  bool CopiesUp() const;
  // Whether a filesystem of the config may want something of the host's tree
  // when it is made.
  bool NeedsHost() const;
  // Of the container (cgroup::Cgroup::OpenDoors): what takes much memory on its
  // behalf is done in there. They must outlive Build.
  void SetCgroupDoors(std::vector<int> doors) { doors_ = std::move(doors); }
  // Root, mounts, devices, masks and read-only paths. With `pty` a terminal is
  // made: *pty is its master, the slave becomes /dev/console.
  absl::Status Build(UniqueFd* pty, UniqueFd* pty_slave);
  // Makes the root the process's "/" and lets go of the host's tree.
  absl::Status Pivot();

 private:
  struct Prepared {
    const spec::Mount* mount;
    Options options;
    std::string destination;        // cleaned, absolute
    UniqueFd tree;                  // of a bind
    UniqueFd proc;                  // as given to TakeProc
    std::string sub_path;           // what of the tree to show; "" = all
    std::vector<UniqueFd> cgroups;  // of a cgroup mount, as RootPlan::cgroups
    bool directory = true;
  };

  absl::Status PrepareBind(Prepared* prepared, int id_map);
  absl::Status PrepareCgroup(Prepared* prepared);
  absl::Status PrepareLayers(Prepared* prepared, int id_map);
  absl::Status PrepareRoot();
  absl::StatusOr<UniqueFd> Overlay(const OverlayDirs& dirs);
  absl::Status Isolate();
  absl::Status IdMapLayers(const std::vector<std::string>& layers);
  absl::Status AttachRoot();
  // False only for a "gid=" option that the user namespace does not know.
  bool IsMappedGroup(absl::string_view option) const;
  // What the filesystem is told.
  std::vector<std::string> Data(const Prepared& prepared) const;
  absl::StatusOr<UniqueFd> MakeFilesystem(Prepared* prepared,
                                          uint64_t attributes);
  absl::Status MountOne(Prepared* prepared);
  absl::Status MountBind(Prepared* prepared);
  absl::Status AttachSubPath(const Prepared& prepared, int target);
  absl::Status MountCgroup(Prepared* prepared);
  absl::Status Finish();

  const RootPlan* plan_;
  std::vector<Prepared> mounts_;
  bool isolated_ = false;            // in a mount namespace of our own
  std::set<std::string> id_mapped_;  // layers, in that namespace
  std::vector<int> doors_;
  UniqueFd null_;  // the host's /dev/null, verified; a detached mount
  path::Root root_{UniqueFd()};
  // tmpfs mounts that turn read-only when everything in them exists.
  std::vector<std::pair<UniqueFd, std::string>> read_only_later_;
};

bool IsCgroup(const spec::Mount& mount);
// Whether files of a new filesystem may be given one SELinux context; the
// policy labels those of the others by itself.
bool TakesLabel(absl::string_view type);
// Read-only layers of an image: type overlay with "lowerdir=A:B" (top first)
// and without an upper directory. "coracle.subpath=DIR" shows only what is
// below a directory of it, resolved inside.
bool IsLayers(const spec::Mount& mount, const Options& options);

// "/a//b/./../c" → "/a/c": only to compare destinations with names such as
// /proc; resolution itself is the kernel's.
std::string CleanPath(const std::string& path);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_ROOTFS_H_
