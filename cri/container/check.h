// SPDX-License-Identifier: Apache-2.0
// What a container's config may say. All of it is checked before a create may
// join another one's container, so that a wrong request is refused each time.
#ifndef CORACLE_CRI_CONTAINER_CHECK_H_
#define CORACLE_CRI_CONTAINER_CHECK_H_

#include "absl/status/status.h"
#include "cri/sandbox/sandbox.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

// Without a look at sandbox or host: enum values that exist, fields that
// contradict each other, paths that are none. INVALID_ARGUMENT with the field
// at fault.
absl::Status CheckFields(const runtime::v1::ContainerConfig& config);

// The same of one mount. Two mounts may have one place: kubelets send a volume
// there and then their own file, and the later one is seen.
absl::Status CheckMount(const runtime::v1::Mount& mount);

// What a config that passed CheckFields may ask for in this sandbox.
// INVALID_ARGUMENT with the field at fault; FAILED_PRECONDITION for SELinux
// options that nothing here would enforce.
absl::Status CheckInSandbox(const runtime::v1::ContainerConfig& config,
                            const sandbox::Sandbox& sandbox);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CHECK_H_
