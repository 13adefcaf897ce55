// SPDX-License-Identifier: Apache-2.0
// Which coracle-oci binary a launcher runs from.
#ifndef CORACLE_RUNTIME_HOLD_IDENTITY_H_
#define CORACLE_RUNTIME_HOLD_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"

namespace runtime::hold {

// Version and file identity of the binary `path`: a daemon replaces a launcher
// whose identity differs from that of the binary it would start.
absl::StatusOr<std::string> BinaryIdentity(const std::string& path);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_IDENTITY_H_
