// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"
#include "runtime/mount/devices.h"
#include "runtime/mount/mask.h"
#include "runtime/mount/overlay.h"

namespace runtime::mount {
namespace {

absl::Status Named(const absl::Status& status, absl::string_view destination) {
  return Annotate(status, absl::StrCat("mount ", destination));
}

bool IsBind(const spec::Mount& mount, const Options& options) {
  return options.bind || mount.type == "bind" || mount.type == "rbind";
}

}  // namespace

std::string CleanPath(const std::string& path) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.push_back(part);
  }
  std::string clean;
  for (absl::string_view part : parts) absl::StrAppend(&clean, "/", part);
  return clean.empty() ? "/" : clean;
}

absl::Status RootBuilder::Prepare() {
  if (!plan_->config->linux_section.masked_paths.empty()) {
    // Opened without following a link: an image never decides what masks a file
    // (CVE-2025-31133).
    ASSIGN_OR_RETURN(UniqueFd null, OpenDevice("/dev/null", 'c', 1, 3));
    ASSIGN_OR_RETURN(null_, CloneTree(null.get(), "", false));
  }
  const std::vector<spec::Mount>& mounts = plan_->config->mounts;
  for (size_t i = 0; i < mounts.size(); ++i) {
    Prepared prepared;
    prepared.mount = &mounts[i];
    prepared.options = ParseOptions(mounts[i].options);
    prepared.destination = CleanPath(mounts[i].destination);
    if (prepared.destination == "/") {
      return absl::InvalidArgumentError("mount /: the root is not a mount");
    }
    if (IsBind(mounts[i], prepared.options)) {
      int id_map = i < plan_->id_maps.size() ? plan_->id_maps[i] : -1;
      RETURN_IF_ERROR(
          Named(PrepareBind(&prepared, id_map), prepared.destination));
    } else if (IsCgroup(mounts[i])) {
      RETURN_IF_ERROR(Named(PrepareCgroup(&prepared), prepared.destination));
    }
    mounts_.push_back(std::move(prepared));
  }
  // From here in a mount namespace of our own, if layers have to be ID-mapped.
  for (Prepared& prepared : mounts_) {
    if (!IsLayers(*prepared.mount, prepared.options)) continue;
    size_t i = static_cast<size_t>(prepared.mount - mounts.data());
    int id_map = i < plan_->id_maps.size() ? plan_->id_maps[i] : -1;
    RETURN_IF_ERROR(
        Named(PrepareLayers(&prepared, id_map), prepared.destination));
  }
  return Annotate(PrepareRoot(), absl::StrCat("root ", plan_->rootfs_dir));
}

absl::Status RootBuilder::PrepareBind(Prepared* prepared, int id_map) {
  const std::string& source = prepared->mount->source;
  if (source.empty()) return absl::InvalidArgumentError("source is missing");
  std::string path =
      source[0] == '/' ? source : JoinPath(plan_->bundle_dir, source);
  bool recursive =
      prepared->options.bind_recursive || prepared->mount->type == "rbind";
  ASSIGN_OR_RETURN(prepared->tree, CloneTree(AT_FDCWD, path, recursive));
  struct stat info;
  if (fstat(prepared->tree.get(), &info) != 0) return ErrnoStatus(path);
  prepared->directory = S_ISDIR(info.st_mode);
  if (id_map < 0) return absl::OkStatus();
  return Annotate(SetIdMap(prepared->tree.get(), id_map,
                           prepared->options.id_map_recursive),
                  path);
}

absl::Status RootBuilder::PrepareRoot() {
  UniqueFd tree;
  if (plan_->lower_dirs.empty()) {
    ASSIGN_OR_RETURN(tree, CloneTree(AT_FDCWD, plan_->rootfs_dir, true));
    RETURN_IF_ERROR(SetAttributes(tree.get(), 0, 0, MS_PRIVATE, true));
  } else {
    if (plan_->user_namespace >= 0) {
      RETURN_IF_ERROR(IdMapLayers(plan_->lower_dirs));
    }
    // It becomes the container's "/".
    if (plan_->host_root.has_value() && !plan_->upper_dir.empty() &&
        chown(plan_->upper_dir.c_str(), plan_->host_root->first,
              plan_->host_root->second) != 0) {
      return ErrnoStatus(absl::StrCat("chown ", plan_->upper_dir));
    }
    ASSIGN_OR_RETURN(tree, Overlay({.lower = plan_->lower_dirs,
                                    .upper = plan_->upper_dir,
                                    .work = plan_->work_dir}));
  }
  root_ = path::Root(std::move(tree));
  // Where the root is attached: here, or in the root of an empty namespace. The
  // container's root may not walk the path that leads here, but it may start
  // from where it is.
  if (chdir(plan_->rootfs_dir.c_str()) != 0) return ErrnoStatus("chdir");
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> RootBuilder::Overlay(const OverlayDirs& dirs) {
  if (OverlayNeedsTarget()) RETURN_IF_ERROR(Isolate());
  OverlayDirs labelled = dirs;
  labelled.label = plan_->config->linux_section.mount_label;
  return NewOverlay(labelled, plan_->rootfs_dir);
}

// From here the set-up process's mounts are its own. What it has cloned from
// the host before keeps the host's propagation.
absl::Status RootBuilder::Isolate() {
  if (isolated_) return absl::OkStatus();
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus("unshare mounts");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return ErrnoStatus("make / rslave");
  }
  isolated_ = true;
  return absl::OkStatus();
}

// An overlay takes its layers by path, so in a mount namespace of our own each
// layer is covered by an ID-mapped mount of itself. The upper directory is not:
// what the overlay makes there by itself belongs to the host's root, whom the
// container's namespace does not map.
absl::Status RootBuilder::IdMapLayers(const std::vector<std::string>& layers) {
  RETURN_IF_ERROR(Isolate());
  for (const std::string& layer : layers) {
    if (!id_mapped_.insert(layer).second) continue;
    ASSIGN_OR_RETURN(UniqueFd target, OpenFile(layer, O_PATH | O_DIRECTORY));
    ASSIGN_OR_RETURN(UniqueFd tree, CloneTree(target.get(), "", false));
    RETURN_IF_ERROR(
        Annotate(SetIdMap(tree.get(), plan_->user_namespace, false), layer));
    RETURN_IF_ERROR(Annotate(Attach(tree.get(), target.get()), layer));
  }
  return absl::OkStatus();
}

absl::Status RootBuilder::AttachRoot() {
  // From here nothing that is mounted here reaches the host; what the host
  // mounts later may still reach volumes that ask for it.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return ErrnoStatus("make / rslave");
  }
  ASSIGN_OR_RETURN(UniqueFd target, OpenFile(".", O_PATH | O_DIRECTORY));
  RETURN_IF_ERROR(Attach(root_.fd(), target.get()));
  return chdir("/") == 0 ? absl::OkStatus() : ErrnoStatus("chdir /");
}

absl::Status RootBuilder::Build(UniqueFd* pty, UniqueFd* pty_slave) {
  RETURN_IF_ERROR(
      Annotate(AttachRoot(), absl::StrCat("root ", plan_->rootfs_dir)));
  bool own_dev = true;
  for (Prepared& prepared : mounts_) {
    if (prepared.destination == "/dev" && prepared.tree.ok()) own_dev = false;
    RETURN_IF_ERROR(Named(MountOne(&prepared), prepared.destination));
    prepared.tree.reset();
  }
  if (own_dev) {
    RETURN_IF_ERROR(MakeDevices(root_, plan_->config->linux_section.devices));
    RETURN_IF_ERROR(MakeDeviceLinks(root_));
  }
  // As other runtimes do; whether it may be entered is found out later.
  const std::string& cwd = plan_->config->process.cwd;
  RETURN_IF_ERROR(Annotate(root_.MakeDirs(cwd).status(), "cwd"));
  if (pty != nullptr) {
    ASSIGN_OR_RETURN(Terminal terminal, OpenTerminal(root_));
    if (own_dev) {
      RETURN_IF_ERROR(Annotate(BindConsole(root_, terminal.slave.get()),
                               "mount /dev/console"));
    }
    *pty = std::move(terminal.master);
    *pty_slave = std::move(terminal.slave);
  }
  return Finish();
}

absl::Status RootBuilder::Finish() {
  const spec::Linux& config = plan_->config->linux_section;
  for (const auto& [fd, destination] : read_only_later_) {
    RETURN_IF_ERROR(Named(
        SetAttributes(fd.get(), MOUNT_ATTR_RDONLY, 0, 0, false), destination));
  }
  read_only_later_.clear();
  RETURN_IF_ERROR(ReadonlyPaths(root_, config.readonly_paths));
  RETURN_IF_ERROR(MaskPaths(root_, config.masked_paths, null_.get()));
  if (plan_->config->root_readonly) {
    RETURN_IF_ERROR(Annotate(
        SetAttributes(root_.fd(), MOUNT_ATTR_RDONLY, 0, 0, false), "root"));
  }
  return absl::OkStatus();
}

absl::Status RootBuilder::Pivot() {
  if (fchdir(root_.fd()) != 0) return ErrnoStatus("chdir to root");
  // The old root ends up on top of the new one and is detached from there: no
  // directory for it is needed in the image.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return ErrnoStatus("pivot_root");
  if (umount2(".", MNT_DETACH) != 0) return ErrnoStatus("umount old root");
  if (chdir("/") != 0) return ErrnoStatus("chdir /");
  Options propagation =
      ParseOptions({plan_->config->linux_section.rootfs_propagation});
  if (propagation.propagation != 0 &&
      ::mount(nullptr, "/", nullptr,
              propagation.propagation |
                  (propagation.propagation_recursive ? MS_REC : 0),
              nullptr) != 0) {
    return ErrnoStatus("propagation of /");
  }
  root_ = path::Root(UniqueFd());
  null_.reset();
  mounts_.clear();
  return absl::OkStatus();
}

}  // namespace runtime::mount
