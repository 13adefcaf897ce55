// SPDX-License-Identifier: Apache-2.0
// mounts of the OCI config: the usual ones, the pod's files, and the requested.
#ifndef CORACLE_CRI_CONTAINER_MOUNTS_H_
#define CORACLE_CRI_CONTAINER_MOUNTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "cri/container/spec_input.h"
#include "runtime/base/json.h"

namespace cri::container {

struct MountPlan {
  runtime::Json mounts;            // array, parents before children
  std::string rootfs_propagation;  // "" = the default
};

// For a config that was checked (check.h). NOT_FOUND or FAILED_PRECONDITION
// names the mount for which the host lacks something. A requested mount
// replaces a usual one of the same destination.
absl::StatusOr<MountPlan> PlanMounts(const SpecInput& input);

// How errors about image volumes and about recursive_read_only begin; kubelets
// know the words.
inline constexpr char kImageVolumeFailed[] = "ImageVolumeMountFailed";
inline constexpr char kRecursiveReadOnlyFailed[] = "RROUnsupported";

bool IsImageVolume(const runtime::v1::Mount& mount);

// A list of ID mappings as OCI spells them.
runtime::Json IdMapJson(const std::vector<runtime::spec::IdMapping>& map);

// Sorts the mounts of an OCI config by depth; equals keep their order.
void ParentsFirst(runtime::Json& mounts);

// "/a//b/./../c/" → "/a/c"; never above "/".
std::string CleanPath(absl::string_view path);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_MOUNTS_H_
