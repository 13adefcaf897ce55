// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/layout.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::cgroup {
namespace {

constexpr char kRoot[] = "/sys/fs/cgroup";

bool IsFilesystem(const std::string& path, long magic) {
  struct statfs fs;
  return statfs(path.c_str(), &fs) == 0 && fs.f_type == magic;
}

// A line "4:memory:/path", "9:name=systemd:/" or "0::/".
void AddLine(absl::string_view line, Layout* layout) {
  std::vector<absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(':', 2));
  if (parts.size() != 3) return;
  Hierarchy hierarchy;
  absl::string_view list = parts[1];
  if (list.empty()) {
    hierarchy.v2 = true;
    hierarchy.name = "unified";
  } else if (absl::ConsumePrefix(&list, "name=")) {
    hierarchy.name = std::string(list);
  } else {
    hierarchy.controllers = absl::StrSplit(list, ',');
    hierarchy.name = std::string(list);
  }
  hierarchy.mount_point = absl::StrCat(kRoot, "/", hierarchy.name);
  long magic = hierarchy.v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
  if (!IsFilesystem(hierarchy.mount_point, magic)) {
    // Some hosts mount "cpu,cpuacct" in the other order, linked by both names.
    if (hierarchy.controllers.empty()) return;
    hierarchy.name = hierarchy.controllers[0];
    hierarchy.mount_point = absl::StrCat(kRoot, "/", hierarchy.name);
    if (!IsFilesystem(hierarchy.mount_point, magic)) return;
  }
  if (hierarchy.controllers.size() > 1) {
    for (const std::string& controller : hierarchy.controllers) {
      if (controller != hierarchy.name) {
        layout->links.emplace_back(controller, hierarchy.name);
      }
    }
  }
  layout->hierarchies.push_back(std::move(hierarchy));
}

}  // namespace

const Hierarchy* Layout::Find(absl::string_view controller) const {
  for (const Hierarchy& hierarchy : hierarchies) {
    for (const std::string& name : hierarchy.controllers) {
      if (name == controller) return &hierarchy;
    }
  }
  return nullptr;
}

const Hierarchy* Layout::Unified() const {
  for (const Hierarchy& hierarchy : hierarchies) {
    if (hierarchy.v2) return &hierarchy;
  }
  return nullptr;
}

const char* Layout::Mode() const {
  if (v2) return "v2";
  return Unified() == nullptr ? "v1" : "hybrid";
}

absl::StatusOr<Layout> Detect() {
  Layout layout;
  if (IsFilesystem(kRoot, CGROUP2_SUPER_MAGIC)) {
    layout.v2 = true;
    layout.hierarchies.push_back({"", kRoot, {}, true});
    return layout;
  }
  ASSIGN_OR_RETURN(std::string text, ReadFile("/proc/self/cgroup"));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    AddLine(line, &layout);
  }
  if (layout.hierarchies.empty()) {
    return absl::NotFoundError("no cgroup hierarchy below /sys/fs/cgroup");
  }
  return layout;
}

}  // namespace runtime::cgroup
