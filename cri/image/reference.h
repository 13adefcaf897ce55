// SPDX-License-Identifier: Apache-2.0
// Image references as users write them, normalised as docker does: "busybox" is
// docker.io/library/busybox:latest.
#ifndef CORACLE_CRI_IMAGE_REFERENCE_H_
#define CORACLE_CRI_IMAGE_REFERENCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::image {

struct Reference {
  std::string host;        // "docker.io", "127.0.0.1:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest"; empty if there is a digest
  std::string digest;      // "sha256:…" or empty

  // "docker.io/library/busybox"
  std::string Name() const;
  // Name with ":tag" or "@digest".
  std::string ToString() const;
  // What stands in a manifest URL: the digest, else the tag.
  const std::string& Selector() const { return digest.empty() ? tag : digest; }
};

// A name with tag and digest keeps only the digest, as containerd does.
// INVALID_ARGUMENT with the text and the reason.
absl::StatusOr<Reference> ParseReference(absl::string_view text);

// True if `text` can be an image id: "sha256:<hex>", bare hex, or a prefix.
bool LooksLikeId(absl::string_view text);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_REFERENCE_H_
