// SPDX-License-Identifier: Apache-2.0
// Images that stay although nobody uses them (CRI Image.pinned), by name.
#ifndef CORACLE_CRI_IMAGE_PINNED_H_
#define CORACLE_CRI_IMAGE_PINNED_H_

#include <set>
#include <string>
#include <vector>

namespace cri::image {

inline constexpr char kPinnedName[] =
    "names of images as busybox:1.37, or patterns of whole names (host, path "
    "and "
    "tag, or digest behind '@') with '*' for any text, as registry.k8s.io/*";
// A pattern that no whole name can fit is none.
bool IsPinnedName(const std::string& text);

// Immutable values.
class PinnedNames {
 public:
  PinnedNames() = default;
  // Texts that are no such name pin nothing.
  explicit PinnedNames(const std::vector<std::string>& texts);

  // `name` is a tag or a digest as the store has it:
  // "docker.io/library/busybox:1.37". Patterns fit a digest only with an '@' of
  // their own: an image keeps its digests when its tag has moved on.
  bool Has(const std::string& name) const;

 private:
  std::set<std::string> names_;
  std::vector<std::string> patterns_;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_PINNED_H_
