// SPDX-License-Identifier: Apache-2.0
#include "cri/container/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/container/mounts.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;

// Every container may use these: null, zero, full, random, urandom, tty,
// console, ptmx and the pseudo terminals; and make any node, which is harmless
// without access to it.
struct StandardRule {
  const char* type;
  int major, minor;  // -1 = all
  const char* access;
};
constexpr StandardRule kStandard[] = {
    {"c", -1, -1, "m"}, {"b", -1, -1, "m"},   {"c", 1, 3, "rwm"},
    {"c", 1, 5, "rwm"}, {"c", 1, 7, "rwm"},   {"c", 1, 8, "rwm"},
    {"c", 1, 9, "rwm"}, {"c", 5, 0, "rwm"},   {"c", 5, 1, "rwm"},
    {"c", 5, 2, "rwm"}, {"c", 136, -1, "rwm"}};

Json AllowRule(const char* type, int64_t major, int64_t minor,
               const std::string& access) {
  Json rule{{"allow", true}, {"type", type}, {"access", access}};
  if (major >= 0) rule["major"] = major;
  if (minor >= 0) rule["minor"] = minor;
  return rule;
}

bool IsDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
}

void AddNode(const std::string& path, const struct stat& info,
             const std::string& access, DevicePlan& plan) {
  const char* type = S_ISBLK(info.st_mode) ? "b" : "c";
  int64_t device_major = major(info.st_rdev);
  int64_t device_minor = minor(info.st_rdev);
  plan.nodes.push_back(Json{{"path", path},
                            {"type", type},
                            {"major", device_major},
                            {"minor", device_minor},
                            {"fileMode", info.st_mode & 07777},
                            {"uid", info.st_uid},
                            {"gid", info.st_gid}});
  plan.rules.push_back(AllowRule(type, device_major, device_minor, access));
}

// All devices below a directory of the host, to the same place below `target`.
// Nodes that come and go meanwhile are skipped.
void AddTree(const std::string& source, const std::string& target,
             const std::string& access, const std::set<std::string>& skip,
             int depth, DevicePlan& plan) {
  absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(source);
  if (!names.ok() || depth > 8) return;
  for (const std::string& name : *names) {
    std::string from = absl::StrCat(source, "/", name);
    std::string to = absl::StrCat(target, "/", name);
    struct stat info {};
    if (skip.count(from) > 0 || lstat(from.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      AddTree(from, to, access, skip, depth + 1, plan);
    } else if (IsDevice(info)) {
      AddNode(to, info, access, plan);
    }
  }
}

absl::Status AddRequested(const runtime::v1::Device& device, DevicePlan& plan) {
  std::string access =
      device.permissions().empty() ? "rwm" : device.permissions();
  struct stat info {};
  if (stat(device.host_path().c_str(), &info) != 0) {
    return runtime::ErrnoStatus("devices: " + device.host_path());
  }
  std::string target =
      CleanPath(device.container_path().empty() ? device.host_path()
                                                : device.container_path());
  if (S_ISDIR(info.st_mode)) {
    AddTree(device.host_path(), target, access, {}, 0, plan);
    return absl::OkStatus();
  }
  if (!IsDevice(info)) {
    return absl::InvalidArgumentError(
        absl::StrCat("devices: ", device.host_path(), " is not a device node"));
  }
  AddNode(target, info, access, plan);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DevicePlan> PlanDevices(
    const runtime::v1::ContainerConfig& config) {
  DevicePlan plan{Json::array(), Json::array()};
  if (config.linux().security_context().privileged()) {
    // What the runtime mounts or makes by itself stays out.
    AddTree("/dev", "/dev", "rwm",
            {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console", "/dev/null",
             "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
             "/dev/tty", "/dev/ptmx", "/dev/fd"},
            0, plan);
    plan.rules = Json::array({Json{{"allow", true}, {"access", "rwm"}}});
  } else {
    plan.rules.push_back(Json{{"allow", false}, {"access", "rwm"}});
    for (const StandardRule& rule : kStandard) {
      plan.rules.push_back(
          AllowRule(rule.type, rule.major, rule.minor, rule.access));
    }
  }
  for (const runtime::v1::Device& device : config.devices()) {
    RETURN_IF_ERROR(AddRequested(device, plan));
  }
  return plan;
}

}  // namespace cri::container
