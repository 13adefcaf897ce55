// SPDX-License-Identifier: Apache-2.0
// Device nodes and device cgroup rules of the OCI config.
#ifndef CORACLE_CRI_CONTAINER_DEVICES_H_
#define CORACLE_CRI_CONTAINER_DEVICES_H_

#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace cri::container {

struct DevicePlan {
  runtime::Json nodes;  // linux.devices
  runtime::Json rules;  // linux.resources.devices
};

// The standard nodes (null, zero, …) are the runtime's; this adds the requested
// ones, or with `privileged` all of the host's.
absl::StatusOr<DevicePlan> PlanDevices(
    const runtime::v1::ContainerConfig& config);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_DEVICES_H_
