// SPDX-License-Identifier: Apache-2.0
// Which cgroup hierarchies this host has and where: v1 (one mount per
// controller), hybrid (v1 and an extra v2 mount) or v2 (one mount for all).
#ifndef CORACLE_RUNTIME_CGROUP_LAYOUT_H_
#define CORACLE_RUNTIME_CGROUP_LAYOUT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::cgroup {

struct Hierarchy {
  std::string name;         // directory below /sys/fs/cgroup; "" for pure v2
  std::string mount_point;  // "/sys/fs/cgroup/memory"
  std::vector<std::string> controllers;  // empty for name=… and v2
  bool v2 = false;
};

struct Layout {
  bool v2 = false;  // /sys/fs/cgroup itself is the v2 hierarchy
  std::vector<Hierarchy> hierarchies;
  // Other names of a hierarchy's directory: cpu → cpu,cpuacct.
  std::vector<std::pair<std::string, std::string>> links;

  // The v1 hierarchy that has `controller`, or nullptr.
  const Hierarchy* Find(absl::string_view controller) const;
  // The v2 hierarchy, of a hybrid host too, or nullptr.
  const Hierarchy* Unified() const;
  // "v1", "hybrid" or "v2".
  const char* Mode() const;
};

// Reads /proc/self/cgroup and looks at the usual mount points; no mount table
// is parsed. NOT_FOUND if there is no usable hierarchy.
absl::StatusOr<Layout> Detect();

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_LAYOUT_H_
