// SPDX-License-Identifier: Apache-2.0
// Images that stay although nobody uses them (CRI Image.pinned), by name.
#ifndef CORACLE_CRI_IMAGE_PINNED_H_
#define CORACLE_CRI_IMAGE_PINNED_H_

#include <string>
#include <vector>

namespace cri::image {

inline constexpr char kPinnedName[] =
    "names of images as busybox:1.37, or whole names with '*' for any text as "
    "registry.k8s.io/*";
bool IsPinnedName(const std::string& text);

// Immutable values.
class PinnedNames {
 public:
  PinnedNames() = default;
  // Texts that are no such name pin nothing.
  explicit PinnedNames(const std::vector<std::string>& texts);

  // `name` is a tag or a digest as the store has it:
  // "docker.io/library/busybox:1.37".
  bool Has(const std::string& name) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_PINNED_H_
