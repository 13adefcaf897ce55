// SPDX-License-Identifier: Apache-2.0
#include "cri/container/mounts.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/sandbox/field.h"
#include "cri/sandbox/user_namespace.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;
using sandbox::InvalidField;

struct Entry {
  std::string destination, type, source;
  std::vector<std::string> options;
  runtime::ns::IdMaps id_maps = {};  // whose files they seem to be
};

Entry Bind(std::string destination, std::string source,
           std::vector<std::string> options) {
  options.insert(options.begin(), "rbind");
  return {std::move(destination), "bind", std::move(source),
          std::move(options)};
}

void AddKernelFilesystems(const SpecInput& input, std::vector<Entry>& mounts) {
  const char* access = input.Security().privileged() ? "rw" : "ro";
  mounts.push_back({"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}});
  mounts.push_back({"/dev",
                    "tmpfs",
                    "tmpfs",
                    {"nosuid", "strictatime", "mode=755", "size=65536k"}});
  mounts.push_back({"/dev/pts",
                    "devpts",
                    "devpts",
                    {"nosuid", "noexec", "newinstance", "ptmxmode=0666",
                     "mode=0620", "gid=5"}});
  mounts.push_back(
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}});
  mounts.push_back({"/sys/fs/cgroup",
                    "cgroup",
                    "cgroup",
                    {"nosuid", "noexec", "nodev", "relatime", access}});
}

// The queue file system shows the IPC namespace that it is mounted in, so it
// is right for pods that share the host's, too.
void AddIpc(const SpecInput& input, std::vector<Entry>& mounts) {
  mounts.push_back(
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}});
  const bool host = input.shm_dir.empty();
  mounts.push_back(Bind("/dev/shm", host ? "/dev/shm" : input.shm_dir, {"rw"}));
}

void AddPodFiles(const SpecInput& input, std::vector<Entry>& mounts) {
  const char* access = input.Security().readonly_rootfs() ? "ro" : "rw";
  for (const char* name : {"hostname", "hosts", "resolv.conf"}) {
    mounts.push_back(Bind(absl::StrCat("/etc/", name),
                          absl::StrCat(input.pod_files_dir, "/", name),
                          {access}));
    mounts.back().id_maps = input.id_maps;
  }
}

// True if the mount that holds `path` is in a peer group: only then does what
// the container mounts come back to the host.
bool IsShared(const std::string& path) {
  absl::StatusOr<std::string> table = runtime::ReadFile("/proc/self/mountinfo");
  if (!table.ok()) return false;
  size_t best = 0;
  bool shared = false;
  for (absl::string_view line : absl::StrSplit(*table, '\n')) {
    std::vector<absl::string_view> part = absl::StrSplit(line, ' ');
    if (part.size() < 7) continue;
    absl::string_view point = part[4];
    bool holds = point == "/" || path == point ||
                 absl::StartsWith(path, absl::StrCat(point, "/"));
    if (!holds || point.size() < best) continue;
    best = point.size();
    shared = absl::StartsWith(part[6], "shared:");
  }
  return shared;
}

// The image's layers, shared with all who use them; nothing is written to them.
absl::StatusOr<Entry> ImageVolume(const SpecInput& input,
                                  const v1::Mount& mount) {
  image::ImagePtr image = input.find_image(mount.image().image());
  if (image == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        kImageVolumeFailed, ": mount ", mount.container_path(), ": image \"",
        mount.image().image(), "\" is not present; it has to be pulled first"));
  }
  Entry entry;
  entry.destination = CleanPath(mount.container_path());
  entry.type = entry.source = "overlay";
  std::vector<std::string> layers(image->layer_dirs.rbegin(),
                                  image->layer_dirs.rend());
  entry.options = {"ro", "nosuid", "nodev",
                   absl::StrCat("lowerdir=", absl::StrJoin(layers, ":"))};
  if (!mount.image_sub_path().empty()) {
    entry.options.push_back(
        absl::StrCat("coracle.subpath=", mount.image_sub_path()));
  }
  entry.id_maps = input.id_maps;
  return entry;
}

absl::StatusOr<Entry> Requested(const SpecInput& input, const v1::Mount& mount,
                                std::string& rootfs_propagation) {
  if (IsImageVolume(mount)) return ImageVolume(input, mount);
  absl::StatusOr<std::string> source = runtime::RealPath(mount.host_path());
  if (!source.ok()) {
    return runtime::Annotate(
        source.status(),
        absl::StrCat("mount ", mount.container_path(), ": host_path"));
  }
  const std::string place = CleanPath(mount.container_path());
  struct statfs fs;
  if (place == "/proc" &&
      (statfs(source->c_str(), &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) {
    return InvalidField("mount /proc: container_path",
                        absl::StrCat(*source, " is not a procfs"));
  }
  std::string propagation = "rprivate";
  if (mount.propagation() == v1::PROPAGATION_HOST_TO_CONTAINER) {
    propagation = "rslave";
    if (rootfs_propagation.empty()) rootfs_propagation = "rslave";
  } else if (mount.propagation() == v1::PROPAGATION_BIDIRECTIONAL) {
    if (!IsShared(*source)) {
      return absl::FailedPreconditionError(
          absl::StrCat("mount ", mount.container_path(),
                       ": bidirectional propagation: ", *source,
                       " is not on a shared mount of the host (see mount "
                       "--make-rshared)"));
    }
    propagation = "rshared";
    rootfs_propagation = "rshared";
  }
  const char* access = mount.recursive_read_only() ? "rro"
                       : mount.readonly()          ? "ro"
                                                   : "rw";
  Entry entry = Bind(place, *std::move(source), {propagation, access});
  entry.id_maps = sandbox::ToIdMaps(mount.uidmappings(), mount.gidmappings());
  return entry;
}

Json ToJson(const std::vector<Entry>& mounts) {
  Json result = Json::array();
  for (const Entry& entry : mounts) {
    Json mount{{"destination", entry.destination},
               {"type", entry.type},
               {"source", entry.source},
               {"options", entry.options}};
    if (!entry.id_maps.empty()) {
      mount["uidMappings"] = IdMapJson(entry.id_maps.uids);
      mount["gidMappings"] = IdMapJson(entry.id_maps.gids);
    }
    result.push_back(std::move(mount));
  }
  return result;
}

}  // namespace

Json IdMapJson(const std::vector<runtime::spec::IdMapping>& map) {
  Json result = Json::array();
  for (const runtime::spec::IdMapping& line : map) {
    result.push_back(Json{{"containerID", line.container_id},
                          {"hostID", line.host_id},
                          {"size", line.size}});
  }
  return result;
}

bool IsImageVolume(const v1::Mount& mount) {
  return mount.has_image() && !mount.image().image().empty();
}

void ParentsFirst(Json& mounts) {
  auto depth = [](const Json& mount) {
    const std::string path = runtime::StringAt(mount, "destination");
    return std::count(path.begin(), path.end(), '/');
  };
  std::stable_sort(
      mounts.begin(), mounts.end(),
      [&](const Json& a, const Json& b) { return depth(a) < depth(b); });
}

std::string CleanPath(absl::string_view path) {
  std::vector<absl::string_view> kept;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(part);
  }
  return absl::StrCat("/", absl::StrJoin(kept, "/"));
}

absl::StatusOr<MountPlan> PlanMounts(const SpecInput& input) {
  MountPlan plan;
  std::vector<Entry> requested;
  std::set<std::string> taken;
  for (const v1::Mount& mount : input.config->mounts()) {
    ASSIGN_OR_RETURN(Entry entry,
                     Requested(input, mount, plan.rootfs_propagation));
    taken.insert(entry.destination);
    requested.push_back(std::move(entry));
  }
  std::vector<Entry> mounts;
  AddKernelFilesystems(input, mounts);
  AddIpc(input, mounts);
  AddPodFiles(input, mounts);
  mounts.erase(std::remove_if(mounts.begin(), mounts.end(),
                              [&](const Entry& entry) {
                                return taken.count(entry.destination) > 0;
                              }),
               mounts.end());
  mounts.insert(mounts.end(), requested.begin(), requested.end());
  plan.mounts = ToJson(mounts);
  ParentsFirst(plan.mounts);
  return plan;
}

}  // namespace cri::container
