// SPDX-License-Identifier: Apache-2.0
#include "cri/container/cdi.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/container/mounts.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;

void AddEnv(const std::string& entry, Json& env) {
  const std::string prefix = entry.substr(0, entry.find('=') + 1);
  for (Json& existing : env) {
    if (absl::StartsWith(existing.get_ref<const std::string&>(), prefix)) {
      existing = entry;
      return;
    }
  }
  env.push_back(entry);
}

// Removes the entries whose member `key` is `value`.
void RemoveAt(const char* key, const std::string& value, Json& list) {
  Json kept = Json::array();
  for (Json& entry : list) {
    if (runtime::StringAt(entry, key) != value)
      kept.push_back(std::move(entry));
  }
  list = std::move(kept);
}

// From the host what the file leaves out.
absl::Status Complete(cdi::DeviceNode& node) {
  if (node.type == 'p') return absl::OkStatus();
  if (node.type != 0 && node.major.value_or(0) != 0) return absl::OkStatus();
  struct stat info {};
  if (lstat(node.host_path.c_str(), &info) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("CDI device ", node.host_path));
  }
  const char type = S_ISCHR(info.st_mode)    ? 'c'
                    : S_ISBLK(info.st_mode)  ? 'b'
                    : S_ISFIFO(info.st_mode) ? 'p'
                                             : 0;
  if (type == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("CDI device ", node.host_path, ": is not a device node"));
  }
  if (node.type != 0 && node.type != type &&
      (node.type != 'u' || type != 'c')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "CDI device ", node.host_path, ": is of type ", std::string(1, type),
        ", not ", std::string(1, node.type), " as its file says"));
  }
  if (node.type == 0) node.type = type;
  if (type != 'p') {
    node.major = major(info.st_rdev);
    node.minor = minor(info.st_rdev);
  }
  return absl::OkStatus();
}

absl::Status AddNode(cdi::DeviceNode node, const Identity& user,
                     Json& linux_part) {
  RETURN_IF_ERROR(Complete(node));
  const std::string path = CleanPath(node.path);
  const int64_t device_major = node.major.value_or(0);
  const int64_t device_minor = node.minor.value_or(0);
  Json entry{{"path", path},
             {"type", std::string(1, node.type)},
             {"major", device_major},
             {"minor", device_minor},
             {"uid", node.uid.value_or(user.uid)},
             {"gid", node.gid.value_or(user.gid)}};
  if (node.file_mode.has_value()) entry["fileMode"] = *node.file_mode & 07777;
  RemoveAt("path", path, linux_part["devices"]);
  linux_part["devices"].push_back(std::move(entry));
  if (node.type == 'p' || node.permissions.empty()) return absl::OkStatus();
  linux_part["resources"]["devices"].push_back(
      Json{{"allow", true},
           {"type", node.type == 'b' ? "b" : "c"},
           {"major", device_major},
           {"minor", device_minor},
           {"access", node.permissions}});
  return absl::OkStatus();
}

bool IsBind(const std::string& option) {
  return option == "bind" || option == "rbind";
}

void AddMount(const cdi::Mount& mount, const runtime::ns::IdMaps& id_maps,
              Json& mounts) {
  const std::string destination = CleanPath(mount.container_path);
  std::vector<std::string> options = mount.options;
  bool bind = std::any_of(options.begin(), options.end(), IsBind);
  if (!bind && (mount.type.empty() || mount.type == "bind")) {
    options.insert(options.begin(), "rbind");
    bind = true;
  }
  Json entry{{"destination", destination},
             {"type", mount.type.empty() ? "bind" : mount.type},
             {"source", mount.host_path},
             {"options", options}};
  if (bind && !id_maps.empty()) {
    entry["uidMappings"] = IdMapJson(id_maps.uids);
    entry["gidMappings"] = IdMapJson(id_maps.gids);
  }
  RemoveAt("destination", destination, mounts);
  mounts.push_back(std::move(entry));
}

void AddHook(const cdi::Hook& hook, Json& config) {
  Json entry{{"path", hook.path}};
  if (!hook.args.empty()) entry["args"] = hook.args;
  if (!hook.env.empty()) entry["env"] = hook.env;
  if (hook.timeout.has_value()) entry["timeout"] = *hook.timeout;
  config["hooks"][hook.name].push_back(std::move(entry));
}

}  // namespace

absl::Status ApplyCdi(const cdi::Edits& edits,
                      const runtime::ns::IdMaps& id_maps, OciConfig& config) {
  Json& json = config.json;
  Json& process = json["process"];
  for (const std::string& entry : edits.env) AddEnv(entry, process["env"]);
  for (const cdi::DeviceNode& node : edits.nodes) {
    RETURN_IF_ERROR(AddNode(node, config.identity, json["linux"]));
  }
  for (const cdi::Mount& mount : edits.mounts) {
    AddMount(mount, id_maps, json["mounts"]);
  }
  if (!edits.mounts.empty()) ParentsFirst(json["mounts"]);
  for (const cdi::Hook& hook : edits.hooks) AddHook(hook, json);
  std::vector<uint32_t>& groups = config.identity.groups;
  groups.insert(groups.end(), edits.gids.begin(), edits.gids.end());
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  process["user"]["additionalGids"] = groups;
  return absl::OkStatus();
}

}  // namespace cri::container
