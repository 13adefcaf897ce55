// SPDX-License-Identifier: Apache-2.0
// Where an image comes from: a registry or an OCI layout on disk. A source only
// delivers bytes; digests are verified by who asks.
#ifndef CORACLE_CRI_IMAGE_SOURCE_H_
#define CORACLE_CRI_IMAGE_SOURCE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/image/http.h"
#include "cri/image/manifest.h"

namespace cri::image {

// Thread safe.
class Source {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;

  virtual ~Source() = default;

  // A manifest or index by digest, at most kMaxManifestBytes. Sets
  // `*media_type` to what the transport calls it (may be empty).
  virtual absl::StatusOr<std::string> FetchManifest(
      const Descriptor& descriptor, const Control& control,
      std::string* media_type) = 0;

  // The content of a blob in order; `sink` gets each byte once even if the
  // transfer had to be resumed. An error of `sink` ends it and is returned.
  virtual absl::Status FetchBlob(const Descriptor& descriptor,
                                 const Control& control, const Sink& sink) = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_SOURCE_H_
