// SPDX-License-Identifier: Apache-2.0
// RootBuilder's single mounts: binds, filesystems, the cgroup view.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"
#include "runtime/mount/copy_up.h"
#include "runtime/mount/overlay.h"
#include "runtime/mount/rootfs.h"
#include "runtime/spec/proc_file.h"

namespace runtime::mount {
namespace {

using Links = path::Root::Links;

constexpr uint64_t kCgroupAttributes =
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// These decide what the container sees of the kernel: a symlink in their place
// would put them elsewhere and leave the real path to the image
// (CVE-2019-19921, CVE-2023-27561).
Links LinksFor(absl::string_view destination, absl::string_view type) {
  if (destination == "/proc" || destination == "/dev" ||
      destination == "/sys" || absl::StartsWith(destination, "/proc/") ||
      type == "proc" || type == "sysfs") {
    return Links::kRefuse;
  }
  return Links::kFollow;
}

absl::Status CheckTarget(int target, absl::string_view destination) {
  struct statfs fs;
  if (fstatfs(target, &fs) != 0) return ErrnoStatus("statfs");
  if (fs.f_type == PROC_SUPER_MAGIC && !spec::MayBeCovered(destination)) {
    return absl::InvalidArgumentError("is inside /proc");
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> FindTarget(const path::Root& root,
                                    const std::string& destination,
                                    absl::string_view type, bool directory) {
  UniqueFd target;
  if (directory) {
    ASSIGN_OR_RETURN(
        target, root.MakeDirs(destination, 0755, LinksFor(destination, type)));
  } else {
    ASSIGN_OR_RETURN(target, root.MakeFile(destination));
  }
  bool proc_itself = type == "proc" || destination == "/proc";
  if (!proc_itself) RETURN_IF_ERROR(CheckTarget(target.get(), destination));
  return target;
}

// Whether the kernel alone makes places at `path`: what lies there, or the
// nearest that there is above it, is a filesystem that takes none.
bool IsOfKernel(const path::Root& root, std::string path) {
  constexpr decltype(statfs::f_type) kTypes[] = {
      PROC_SUPER_MAGIC,   SYSFS_MAGIC,   DEVPTS_SUPER_MAGIC,
      CGROUP_SUPER_MAGIC, DEBUGFS_MAGIC, CGROUP2_SUPER_MAGIC,
      SECURITYFS_MAGIC,   TRACEFS_MAGIC};
  for (; absl::StrContains(path, '/'); path.resize(path.rfind('/'))) {
    absl::StatusOr<UniqueFd> fd = root.OpenAt(path, O_PATH);
    if (!fd.ok()) continue;
    struct statfs fs;
    return fstatfs(fd->get(), &fs) == 0 &&
           std::find(std::begin(kTypes), std::end(kTypes), fs.f_type) !=
               std::end(kTypes);
  }
  return false;
}

// A place that neither is nor can be made is a mistake of the config's, but not
// where the host refuses to make it.
absl::StatusOr<UniqueFd> MakeTarget(const path::Root& root,
                                    const std::string& destination,
                                    absl::string_view type, bool directory) {
  absl::StatusOr<UniqueFd> target =
      FindTarget(root, destination, type, directory);
  if (target.ok()) return target;
  const bool refused = absl::IsNotFound(target.status()) ||
                       (absl::IsPermissionDenied(target.status()) &&
                        IsOfKernel(root, destination));
  return Annotate(absl::Status(refused ? absl::StatusCode::kInvalidArgument
                                       : target.status().code(),
                               target.status().message()),
                  "destination");
}

}  // namespace

bool IsCgroup(const spec::Mount& mount) {
  return mount.type == "cgroup" || mount.type == "cgroup2";
}

bool TakesLabel(absl::string_view type) {
  return type != "proc" && type != "sysfs" && type != "mqueue";
}

bool IsLayers(const spec::Mount& mount, const Options& options) {
  if (mount.type != "overlay") return false;
  bool layers = false;
  for (absl::string_view option : options.data) {
    if (absl::StartsWith(option, "upperdir=")) return false;
    layers = layers || absl::StartsWith(option, "lowerdir=");
  }
  return layers;
}

absl::Status RootBuilder::PrepareLayers(Prepared* prepared, int id_map) {
  std::vector<std::string> layers;
  for (absl::string_view option : prepared->options.data) {
    if (absl::ConsumePrefix(&option, "lowerdir=")) {
      layers = absl::StrSplit(option, ':', absl::SkipEmpty());
    } else if (absl::ConsumePrefix(&option, "coracle.subpath=")) {
      prepared->sub_path = std::string(option);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("option ", option, ": not for layers of an image"));
    }
  }
  if (layers.empty()) return absl::InvalidArgumentError("it has no layers");
  if (id_map >= 0) {
    if (id_map != plan_->user_namespace) {
      return absl::InvalidArgumentError(
          "uidMappings: differ from those of the container");
    }
    RETURN_IF_ERROR(IdMapLayers(layers));
  }
  // An overlay needs two layers at least.
  absl::StatusOr<UniqueFd> tree = layers.size() == 1
                                      ? CloneTree(AT_FDCWD, layers[0], false)
                                      : Overlay({.lower = layers});
  RETURN_IF_ERROR(tree.status());
  prepared->tree = *std::move(tree);
  return absl::OkStatus();
}

// The whole tree is there for a moment: a part can be cloned only from what is
// mounted in the own namespace. Nobody else is in it yet.
absl::Status RootBuilder::AttachSubPath(const Prepared& prepared, int target) {
  int tree = prepared.tree.get();
  RETURN_IF_ERROR(Attach(tree, target));
  path::Root inside(UniqueFd(fcntl(tree, F_DUPFD_CLOEXEC, 3)));
  absl::StatusOr<UniqueFd> part =
      inside.OpenAt(prepared.sub_path, O_PATH | O_DIRECTORY);
  if (!part.ok()) return Annotate(part.status(), "sub path");
  ASSIGN_OR_RETURN(UniqueFd clone, CloneTree(part->get(), "", false));
  if (fchdir(tree) != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
    return ErrnoStatus("umount");
  }
  return Attach(clone.get(), target);
}

absl::Status RootBuilder::MountBind(Prepared* prepared) {
  const Options& options = prepared->options;
  int tree = prepared->tree.get();
  RETURN_IF_ERROR(SetAttributes(tree, options.set, options.clear, 0, false));
  RETURN_IF_ERROR(SetAttributes(tree, options.recursive_set,
                                options.recursive_clear, 0, true));
  uint64_t propagation = options.propagation;
  bool recursive = options.propagation_recursive;
  if (propagation == 0) {
    propagation = MS_PRIVATE;
    recursive = true;
  }
  RETURN_IF_ERROR(SetAttributes(tree, 0, 0, propagation, recursive));
  struct statfs fs;
  if (prepared->destination == "/proc" &&
      (fstatfs(tree, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) {
    return absl::InvalidArgumentError(
        "destination: what covers /proc has to be a procfs");
  }
  ASSIGN_OR_RETURN(UniqueFd target,
                   MakeTarget(root_, prepared->destination,
                              prepared->mount->type, prepared->directory));
  if (!prepared->sub_path.empty())
    return AttachSubPath(*prepared, target.get());
  return Attach(tree, target.get());
}

absl::Status RootBuilder::PrepareCgroup(Prepared* prepared) {
  for (const RootPlan::CgroupView& view : plan_->cgroups) {
    ASSIGN_OR_RETURN(UniqueFd tree,
                     CloneTree(AT_FDCWD, view.host_directory, false));
    RETURN_IF_ERROR(SetAttributes(tree.get(),
                                  prepared->options.set | kCgroupAttributes, 0,
                                  MS_PRIVATE, false));
    prepared->cgroups.push_back(std::move(tree));
  }
  return absl::OkStatus();
}

absl::Status RootBuilder::MountCgroup(Prepared* prepared) {
  uint64_t attributes = prepared->options.set | kCgroupAttributes;
  ASSIGN_OR_RETURN(UniqueFd target,
                   MakeTarget(root_, prepared->destination, "cgroup", true));
  bool single = plan_->cgroups.size() == 1 && plan_->cgroups[0].name.empty();
  if (single) return Attach(prepared->cgroups[0].get(), target.get());
  ASSIGN_OR_RETURN(
      UniqueFd top,
      NewFilesystem("tmpfs", "tmpfs", {"mode=0755", "size=64k"},
                    attributes & ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY)));
  RETURN_IF_ERROR(Attach(top.get(), target.get()));
  path::Root inside(UniqueFd(fcntl(top.get(), F_DUPFD_CLOEXEC, 3)));
  for (size_t i = 0; i < plan_->cgroups.size(); ++i) {
    ASSIGN_OR_RETURN(UniqueFd directory,
                     inside.MakeDirs(plan_->cgroups[i].name));
    RETURN_IF_ERROR(Attach(prepared->cgroups[i].get(), directory.get()));
  }
  for (const auto& [alias, name] : plan_->cgroup_links) {
    if (symlinkat(name.c_str(), top.get(), alias.c_str()) != 0) {
      return ErrnoStatus(absl::StrCat("symlink ", alias));
    }
  }
  // The mount on top must not hide that the rest is read-only too.
  return SetAttributes(top.get(), attributes, 0, 0, false);
}

bool RootBuilder::IsMappedGroup(absl::string_view option) const {
  uint32_t gid = 0;
  if (!absl::ConsumePrefix(&option, "gid=") ||
      !absl::SimpleAtoi(option, &gid)) {
    return true;
  }
  for (const spec::IdMapping& map : plan_->config->linux_section.gid_mappings) {
    if (gid >= map.container_id && gid - map.container_id < map.size) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> RootBuilder::Data(const Prepared& prepared) const {
  std::vector<std::string> data;
  for (const std::string& option : prepared.options.data) {
    // Every devpts is an instance of its own since Linux 4.7.
    if (option == "newinstance") continue;
    // The kernel refuses a group that the user namespace does not map.
    if (plan_->user_namespace >= 0 && !IsMappedGroup(option)) continue;
    data.push_back(option);
  }
  const std::string& label = plan_->config->linux_section.mount_label;
  if (!label.empty() && TakesLabel(prepared.mount->type)) {
    data.push_back(absl::StrCat("context=", label));
  }
  return data;
}

bool RootBuilder::CopiesUp() const {
  return std::any_of(mounts_.begin(), mounts_.end(),
                     [](const Prepared& one) { return one.options.copy_up; });
}

bool RootBuilder::NeedsHost() const {
  constexpr absl::string_view kKernelsOwn[] = {"proc",   "sysfs",  "tmpfs",
                                               "devpts", "mqueue", "hugetlbfs"};
  return std::any_of(mounts_.begin(), mounts_.end(), [&](const Prepared& one) {
    return !one.tree.ok() && !IsCgroup(*one.mount) &&
           std::find(std::begin(kKernelsOwn), std::end(kKernelsOwn),
                     one.mount->type) == std::end(kKernelsOwn);
  });
}

std::vector<RootBuilder::Proc> RootBuilder::Procs() const {
  std::vector<Proc> procs;
  for (size_t i = 0; i < mounts_.size(); ++i) {
    const Prepared& prepared = mounts_[i];
    if (prepared.mount->type != "proc" || prepared.tree.ok()) continue;
    Proc proc;
    proc.index = i;
    proc.destination = prepared.destination;
    proc.options = Data(prepared);
    const std::string& source = prepared.mount->source;
    proc.options.insert(
        proc.options.begin(),
        absl::StrCat("source=", source.empty() ? "proc" : source));
    proc.attributes = prepared.options.set | prepared.options.recursive_set;
    procs.push_back(std::move(proc));
  }
  return procs;
}

void RootBuilder::TakeProc(const Proc& proc, UniqueFd fd) {
  mounts_[proc.index].proc = std::move(fd);
}

absl::StatusOr<UniqueFd> RootBuilder::MakeFilesystem(Prepared* prepared,
                                                     uint64_t attributes) {
  const spec::Mount& mount = *prepared->mount;
  if (mount.type.empty()) return absl::InvalidArgumentError("type is missing");
  if (prepared->options.copy_up && mount.type != "tmpfs") {
    return absl::InvalidArgumentError("option tmpcopyup: only for tmpfs");
  }
  if (prepared->proc.ok()) return std::move(prepared->proc);
  return NewFilesystem(mount.type,
                       mount.source.empty() ? mount.type : mount.source,
                       Data(*prepared), attributes);
}

absl::Status RootBuilder::MountOne(Prepared* prepared) {
  if (prepared->tree.ok()) return MountBind(prepared);
  const spec::Mount& mount = *prepared->mount;
  const Options& options = prepared->options;
  if (IsCgroup(mount)) return MountCgroup(prepared);
  uint64_t attributes = options.set | options.recursive_set;
  bool later = mount.type == "tmpfs" && (attributes & MOUNT_ATTR_RDONLY) != 0;
  if (later) attributes &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  ASSIGN_OR_RETURN(UniqueFd fd, MakeFilesystem(prepared, attributes));
  RETURN_IF_ERROR(SetAttributes(fd.get(), 0, 0, options.propagation,
                                options.propagation_recursive));
  ASSIGN_OR_RETURN(UniqueFd target,
                   MakeTarget(root_, prepared->destination, mount.type, true));
  if (options.copy_up) {
    RETURN_IF_ERROR(Annotate(CopyTreeIn(doors_, target.get(), fd.get()),
                             "option tmpcopyup"));
  }
  RETURN_IF_ERROR(Attach(fd.get(), target.get()));
  if (later)
    read_only_later_.emplace_back(std::move(fd), prepared->destination);
  return absl::OkStatus();
}

}  // namespace runtime::mount
