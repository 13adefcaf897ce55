// SPDX-License-Identifier: Apache-2.0
// What CRI's cgroup_parent means with each driver of cgroups.
#ifndef CORACLE_CRI_SANDBOX_CGROUP_H_
#define CORACLE_CRI_SANDBOX_CGROUP_H_

#include <string>

#include "absl/status/statusor.h"

namespace cri::sandbox {

// Parents of pods that name none; they share it.
inline constexpr char kDefaultCgroupParent[] = "/coracle";
inline constexpr char kDefaultSlice[] = "coracle.slice";

struct PodCgroup {
  std::string path;   // below each hierarchy's root, absolute
  std::string slice;  // that it is; "" if systemd has no part in it
};

// `parent` may be empty. With systemd it is a slice, by its name or its path;
// INVALID_ARGUMENT for anything else.
absl::StatusOr<PodCgroup> PodCgroupOf(const std::string& parent, bool systemd);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_CGROUP_H_
