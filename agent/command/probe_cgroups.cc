// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_cgroups.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"

namespace agent::command {
namespace {

using runtime::cgroup::Hierarchy;

struct Controller {
  const char* name;     // in v1
  const char* unified;  // in v2; "" where the kernel needs none for it
  Verdict without;
  const char* use;
};
// Device rules are part of every container, limits of most.
constexpr Controller kControllers[] = {
    {"cpu", "cpu", Verdict::kMissing, "CPU requests and limits"},
    {"memory", "memory", Verdict::kMissing, "memory limits"},
    {"pids", "pids", Verdict::kMissing, "limits of processes"},
    {"devices", "", Verdict::kMissing,
     "keeping containers from devices of the host; none can be created"},
    {"cpuset", "cpuset", Verdict::kLimited,
     "containers with CPUs of their own"},
    {"cpuacct", "", Verdict::kLimited, "figures of CPU use"},
    {"freezer", "", Verdict::kLimited, "checkpoints"},
    {"blkio", "io", Verdict::kLimited, "figures of disk use"},
    {"hugetlb", "hugetlb", Verdict::kLimited, "limits of huge pages"},
};

bool Lists(absl::string_view controllers, absl::string_view name) {
  const std::vector<absl::string_view> words = absl::StrSplit(
      absl::StripAsciiWhitespace(controllers), ' ', absl::SkipEmpty());
  return std::find(words.begin(), words.end(), name) != words.end();
}

bool IsThere(const CgroupView& view, const Controller& controller) {
  const absl::string_view name = controller.name;
  const bool in_unified = Lists(view.unified, controller.unified);
  if (view.layout->v2) return *controller.unified == '\0' || in_unified;
  // Of a hybrid host's v2 hierarchy this one is used, too.
  return view.layout->Find(name) != nullptr ||
         (name == "hugetlb" && in_unified);
}

// Whether the kernel has a v1 controller switched on; unknown if it has none of
// this name.
std::optional<bool> IsOn(absl::string_view kernel, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(kernel, '\n')) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (fields.size() == 4 && fields[0] == name) return fields[3] == "1";
  }
  return std::nullopt;
}

std::string Help(const CgroupView& view, const Controller& controller) {
  const std::string name = controller.name;
  const std::optional<bool> on = IsOn(view.kernel, name);
  if (on == false) {
    return absl::StrCat("boot with cgroup_enable=", name,
                        ", or without cgroup_disable=", name);
  }
  if (view.layout->v2) {
    return absl::StrCat("add +", controller.unified,
                        " to cgroup.subtree_control of the parent, or use a "
                        "kernel that has it");
  }
  if (Lists(view.unified, controller.unified)) {
    return "it is bound to the v2 hierarchy of a host that has both: boot with "
           "systemd.unified_cgroup_hierarchy=1";
  }
  if (!on) return "use a kernel that has it";
  const std::string place = absl::StrCat("/sys/fs/cgroup/", name);
  return absl::StrCat("mkdir -p ", place, "; mount -t cgroup -o ", name,
                      " cgroup ", place);
}

}  // namespace

std::vector<Finding> CgroupFindings(const CgroupView& view) {
  if (!view.layout.ok()) {
    return {{Verdict::kMissing, "cgroups",
             std::string(view.layout.status().message()),
             "mount -t cgroup2 none /sys/fs/cgroup"}};
  }
  std::vector<Finding> findings = {
      {Verdict::kGood, "cgroups", view.layout->Mode(), ""}};
  for (const Hierarchy& hierarchy : view.layout->hierarchies) {
    if (view.writable(hierarchy.mount_point)) continue;
    findings.push_back(
        {Verdict::kMissing, "cgroups",
         absl::StrCat(hierarchy.mount_point,
                      " cannot be written to; each pod and "
                      "container has a cgroup of its own there"),
         absl::StrCat("mount -o remount,bind,rw ", hierarchy.mount_point,
                      ", or run coracle outside of a confined "
                      "container")});
  }
  for (const Controller& controller : kControllers) {
    const bool unused =
        !view.huge_pages && absl::string_view(controller.name) == "hugetlb";
    if (unused || IsThere(view, controller)) continue;
    const char* name = view.layout->v2 ? controller.unified : controller.name;
    findings.push_back(
        {controller.without, absl::StrCat("cgroup controller ", name),
         absl::StrCat("not available; needed for ", controller.use),
         Help(view, controller)});
  }
  return findings;
}

std::vector<Finding> ProbeCgroups() {
  CgroupView view{runtime::cgroup::Detect(), "", "", false, {}};
  if (view.layout.ok() && view.layout->Unified() != nullptr) {
    view.unified = runtime::ReadFile(view.layout->Unified()->mount_point +
                                     "/cgroup.controllers")
                       .value_or("");
  }
  view.kernel = runtime::ReadFile("/proc/cgroups").value_or("");
  const auto sizes = runtime::ListDir("/sys/kernel/mm/hugepages");
  view.huge_pages = sizes.ok() && !sizes->empty();
  view.writable = [](const std::string& directory) {
    return access(directory.c_str(), W_OK) == 0;
  };
  return CgroupFindings(view);
}

}  // namespace agent::command
