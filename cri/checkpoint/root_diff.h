// SPDX-License-Identifier: Apache-2.0
// What a container has changed in its root, out of the upper directory of its
// overlay: a tar of what is new or different, and a list of what is gone.
#ifndef CORACLE_CRI_CHECKPOINT_ROOT_DIFF_H_
#define CORACLE_CRI_CHECKPOINT_ROOT_DIFF_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/checkpoint/archive.h"

namespace cri::checkpoint {

struct RootLayers {
  std::string upper;
  // The layers below, top first; empty if they are not known any more.
  std::vector<std::string> lowers;
  // Absolute paths in the container where something is mounted: left out.
  std::set<std::string> mount_points;
};

// Adds all of the upper directory and returns the paths, absolute in the
// container, of what is gone. The tree is the container's: no link in it is
// followed and no other filesystem entered; sockets are left out.
// RESOURCE_EXHAUSTED for what is deeper than 500 directories;
// FAILED_PRECONDITION if a directory was replaced and the layers are unknown.
absl::StatusOr<std::vector<std::string>> WriteRootDiff(const RootLayers& layers,
                                                       ArchiveWriter& archive);

}  // namespace cri::checkpoint

#endif  // CORACLE_CRI_CHECKPOINT_ROOT_DIFF_H_
