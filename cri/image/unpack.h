// SPDX-License-Identifier: Apache-2.0
// Unpacks one layer (tar, by libarchive) into a directory, in overlayfs form:
// whiteouts become 0:0 character devices, opaque directories carry
// trusted.overlay.opaque. Streaming; memory does not grow with the layer.
#ifndef CORACLE_CRI_IMAGE_UNPACK_H_
#define CORACLE_CRI_IMAGE_UNPACK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/image/inflate.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

struct UnpackResult {
  std::string diff_id;  // digest of the uncompressed tar
  uint64_t bytes = 0;   // disk space, files rounded up to 4 KiB
  uint64_t inodes = 0;
  std::vector<std::string> implied;  // directories the layer did not carry
};

struct UnpackLimits {
  uint64_t max_entries = 10'000'000;
  // What libarchive may read for one header (names, xattrs, sparse maps).
  uint64_t max_header_bytes = 4 << 20;
  uint64_t bomb_bytes = uint64_t{1} << 30;  // see Inflater
};

// Reads `source` to its end into the empty directory `root`. `expected` is the
// diff ID whose algorithm is used; the caller compares. The error names entry
// and cause; what was written so far stays for the caller to remove.
absl::StatusOr<UnpackResult> UnpackLayer(ByteSource source,
                                         runtime::UniqueFd root,
                                         const std::string& expected,
                                         const UnpackLimits& limits = {});

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_UNPACK_H_
