// SPDX-License-Identifier: Apache-2.0
// LinuxContainerResources: what is valid, and how an update changes it. Pure.
#ifndef CORACLE_CRI_CONTAINER_RESOURCES_H_
#define CORACLE_CRI_CONTAINER_RESOURCES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

// INVALID_ARGUMENT "<prefix>.<field>: …" for values that no cgroup takes.
absl::Status CheckResources(
    const runtime::v1::LinuxContainerResources& resources,
    absl::string_view prefix);

// An error of a runtime's, which names limits as OCI does, in CRI's words:
// "<prefix>.cpuset_cpus: …".
absl::Status InWordsOfCri(const absl::Status& status, absl::string_view prefix);

// `now` with `change` over it. 0 and empty keep what is; so does oom_score_adj
// whatever it says, which is fixed when a process starts (and which crictl
// always sends as 0). Memory that changes alone takes its swap allowance along,
// since the swap limit counts both.
runtime::v1::LinuxContainerResources Merge(
    const runtime::v1::LinuxContainerResources& now,
    const runtime::v1::LinuxContainerResources& change);

// What has to be set to get from `now` to `wanted`. The kernel checks memory
// with swap, and quota with period, so each pair comes whole. What `now` limits
// and `wanted` does not is set to the kernel's default; lists of processors,
// huge pages and unified files have none and stay.
runtime::v1::LinuxContainerResources Difference(
    const runtime::v1::LinuxContainerResources& now,
    const runtime::v1::LinuxContainerResources& wanted);

// The same where nobody knows which of the two each limit is: all of `wanted`
// too.
runtime::v1::LinuxContainerResources Whole(
    const runtime::v1::LinuxContainerResources& now,
    const runtime::v1::LinuxContainerResources& wanted);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_RESOURCES_H_
