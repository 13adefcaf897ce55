// SPDX-License-Identifier: Apache-2.0
// Which capabilities a container gets.
#ifndef CORACLE_CRI_CONTAINER_CAPABILITY_H_
#define CORACLE_CRI_CONTAINER_CAPABILITY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

struct CapabilitySets {
  std::vector<std::string> bounding;  // also effective and permitted
  std::vector<std::string> ambient;   // also inheritable; empty unless asked
};

// The default set with `add` and `drop` applied ("ALL" and names with or
// without "CAP_"; a name in both is dropped, "drop ALL, add X" leaves X).
// Privileged containers get all. INVALID_ARGUMENT on an unknown name.
absl::StatusOr<CapabilitySets> ResolveCapabilities(
    const runtime::v1::LinuxContainerSecurityContext& security);

// Names ("CAP_…") of what the bits of `permitted` lack. A container gets none
// of these, whatever it asks for.
std::vector<std::string> MissingCapabilities(uint64_t permitted);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CAPABILITY_H_
