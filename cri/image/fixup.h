// SPDX-License-Identifier: Apache-2.0
// Layers are unpacked alone, so that images can share them. A directory that
// a layer uses but does not carry then has made-up attributes, which overlayfs
// would show instead of those of the layers below; and where a layer below has
// a symbolic link (lib → usr/lib), it would be hidden. A fix-up is a small
// layer on top of such a layer that says what is right for one stack.
#ifndef CORACLE_CRI_IMAGE_FIXUP_H_
#define CORACLE_CRI_IMAGE_FIXUP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/image/record.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

struct StackLayer {
  std::string diff_id;
  std::string dir;                   // its files
  std::vector<std::string> implied;  // see LayerRecord
};

// Stands in for a diff ID: made of those of the whole stack.
std::string FixupId(const std::vector<StackLayer>& stack);

// Does the topmost layer of `stack` (lowest first) need a fix-up?
absl::StatusOr<bool> NeedsFixup(const std::vector<StackLayer>& stack);

// Writes it into the empty directory `root`, which is on the filesystem of the
// layers: files that have to move are hard links.
absl::StatusOr<LayerRecord> WriteFixup(const std::vector<StackLayer>& stack,
                                       runtime::UniqueFd root);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_FIXUP_H_
