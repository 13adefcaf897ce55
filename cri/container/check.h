// SPDX-License-Identifier: Apache-2.0
// What can be said of a container's config without looking at the host: enum
// values that exist, fields that contradict each other, paths that are none.
#ifndef CORACLE_CRI_CONTAINER_CHECK_H_
#define CORACLE_CRI_CONTAINER_CHECK_H_

#include "absl/status/status.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

// INVALID_ARGUMENT with the field at fault.
absl::Status CheckFields(const runtime::v1::ContainerConfig& config);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CHECK_H_
