// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/files.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"
#include "runtime/mount/options.h"
#include "runtime/mount/overlay.h"
#include "runtime/path/root.h"

namespace runtime::external {
namespace {

// A mount of the config that gets another source.
struct Moved {
  Json* mount;
  UniqueFd tree;
};

std::vector<std::string> OptionsOf(const Json& mount) {
  std::vector<std::string> options;
  for (const Json& option : ArrayAt(mount, "options")) {
    if (option.is_string()) options.push_back(option.get<std::string>());
  }
  return options;
}

absl::Status Named(const absl::Status& status, const Json& mount) {
  return Annotate(status,
                  absl::StrCat("mount ", StringAt(mount, "destination")));
}

// In the host's mount namespace: a bind that is to share mounts with the host
// has to be a peer of the host's own.
absl::Status CloneShared(Json* config, std::vector<Moved>* moved) {
  for (Json& mount : (*config)["mounts"]) {
    const mount::Options options = mount::ParseOptions(OptionsOf(mount));
    if (!options.bind || options.propagation != MS_SHARED) continue;
    absl::StatusOr<UniqueFd> tree = mount::CloneTree(
        AT_FDCWD, StringAt(mount, "source"), options.bind_recursive);
    if (!tree.ok()) return Named(tree.status(), mount);
    moved->push_back({&mount, *std::move(tree)});
  }
  return absl::OkStatus();
}

absl::Status Isolate() {
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus("unshare mounts");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return ErrnoStatus("make / rslave");
  }
  return absl::OkStatus();
}

absl::Status AttachAt(const UniqueFd& tree, const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd target, OpenFile(path, O_PATH));
  return mount::Attach(tree.get(), target.get());
}

absl::Status MountRoot(const state::ContainerPlan& plan) {
  if (plan.lower_dirs.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      UniqueFd tree,
      mount::NewOverlay({plan.lower_dirs, plan.upper_dir, plan.work_dir},
                        plan.rootfs_dir));
  return AttachAt(tree, plan.rootfs_dir);
}

// What `coracle.subpath` names of the tree at `directory`, resolved inside.
absl::StatusOr<UniqueFd> PartOf(const std::string& directory,
                                const std::string& sub_path) {
  ASSIGN_OR_RETURN(path::Root root, path::Root::Open(directory));
  absl::StatusOr<UniqueFd> part = root.OpenAt(sub_path, O_PATH | O_DIRECTORY);
  if (!part.ok()) return Annotate(part.status(), "sub path");
  return mount::CloneTree(part->get(), "", false);
}

// Read-only layers of an image, see mount::IsLayers.
absl::StatusOr<UniqueFd> MakeLayers(const std::vector<std::string>& options,
                                    const std::string& directory) {
  std::vector<std::string> layers;
  std::string sub_path;
  for (absl::string_view option : options) {
    if (absl::ConsumePrefix(&option, "lowerdir=")) {
      layers = absl::StrSplit(option, ':', absl::SkipEmpty());
    } else if (absl::ConsumePrefix(&option, "coracle.subpath=")) {
      sub_path = std::string(option);
    }
  }
  if (layers.empty()) return absl::InvalidArgumentError("it has no layers");
  // An overlay needs two layers at least.
  absl::StatusOr<UniqueFd> tree =
      layers.size() == 1 ? mount::CloneTree(AT_FDCWD, layers[0], false)
                         : mount::NewOverlay({layers, "", ""}, directory);
  if (!tree.ok() || sub_path.empty()) return tree;
  // A part can be cloned only from what is mounted in the own namespace.
  RETURN_IF_ERROR(AttachAt(*tree, directory));
  return PartOf(directory, sub_path);
}

bool IsLayers(const Json& mount, const std::vector<std::string>& options) {
  if (StringAt(mount, "type") != "overlay") return false;
  bool layers = false;
  for (const std::string& option : options) {
    if (absl::StartsWith(option, "upperdir=")) return false;
    layers = layers || absl::StartsWith(option, "lowerdir=");
  }
  return layers;
}

absl::Status CollectLayers(const std::string& scratch, Json* config,
                           std::vector<Moved>* moved) {
  const std::string place = JoinPath(scratch, "layers");
  for (Json& mount : (*config)["mounts"]) {
    const std::vector<std::string> options = OptionsOf(mount);
    if (!IsLayers(mount, options)) continue;
    RETURN_IF_ERROR(MakeDirs(place, 0700));
    absl::StatusOr<UniqueFd> tree = MakeLayers(options, place);
    if (!tree.ok()) return Named(tree.status(), mount);
    Json kept = Json::array({"bind"});
    for (const std::string& option : options) {
      if (!absl::StartsWith(option, "lowerdir=") &&
          !absl::StartsWith(option, "coracle.subpath=")) {
        kept.push_back(option);
      }
    }
    mount["type"] = "bind";
    mount["options"] = std::move(kept);
    moved->push_back({&mount, *std::move(tree)});
  }
  return absl::OkStatus();
}

absl::Status Place(const Moved& one, const std::string& path) {
  struct stat info;
  if (fstat(one.tree.get(), &info) != 0) return ErrnoStatus("stat");
  if (S_ISDIR(info.st_mode)) {
    RETURN_IF_ERROR(MakeDirs(path, 0700));
  } else {
    RETURN_IF_ERROR(WriteFileAtomic(path, ""));
  }
  RETURN_IF_ERROR(AttachAt(one.tree, path));
  (*one.mount)["source"] = path;
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareFiles(const state::ContainerPlan& plan,
                          const std::string& scratch, Json* config) {
  if (!(*config)["mounts"].is_array()) (*config)["mounts"] = Json::array();
  std::vector<Moved> moved;
  RETURN_IF_ERROR(CloneShared(config, &moved));
  RETURN_IF_ERROR(Isolate());
  RETURN_IF_ERROR(
      Annotate(MountRoot(plan), absl::StrCat("root ", plan.rootfs_dir)));
  (*config)["root"]["path"] = plan.rootfs_dir;
  RETURN_IF_ERROR(CollectLayers(scratch, config, &moved));
  for (size_t i = 0; i < moved.size(); ++i) {
    RETURN_IF_ERROR(
        Named(Place(moved[i], absl::StrCat(scratch, "/", i)), *moved[i].mount));
  }
  return absl::OkStatus();
}

}  // namespace runtime::external
