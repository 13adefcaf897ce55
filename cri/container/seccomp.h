// SPDX-License-Identifier: Apache-2.0
// linux.seccomp of the OCI config.
#ifndef CORACLE_CRI_CONTAINER_SECCOMP_H_
#define CORACLE_CRI_CONTAINER_SECCOMP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace cri::container {

// INVALID_ARGUMENT for a profile that is named in no known way.
absl::Status CheckSeccomp(
    const runtime::v1::LinuxContainerSecurityContext& security);

// The OCI object, or null for unconfined. Privileged containers and requests
// without a profile are unconfined; a Localhost profile is a file with an OCI
// seccomp object, by absolute path, and an empty path is an error, never
// unconfined (CVE-2023-2431).
absl::StatusOr<runtime::Json> SeccompFor(
    const runtime::v1::LinuxContainerSecurityContext& security,
    const std::vector<std::string>& capabilities);

// The default profile for a container with this bounding set.
runtime::Json DefaultSeccomp(const std::vector<std::string>& capabilities);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_SECCOMP_H_
