// SPDX-License-Identifier: Apache-2.0
// securityContext of pod and container → CRI (kubelet.md §1.9). Pure.
#ifndef CORACLE_AGENT_POD_SECURITY_H_
#define CORACLE_AGENT_POD_SECURITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/status/spec.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::pod {

using runtime::Json;
namespace v1 = ::runtime::v1;

// The container's security context, without namespaces. `image` decides the
// user where the spec does not; an error is a CreateContainerConfigError.
absl::StatusOr<v1::LinuxContainerSecurityContext> ContainerSecurity(
    const Json& pod, const status::ContainerSpec& container,
    const v1::Image& image, const std::string& kubelet_dir);

// supplementalGroups and fsGroup.
std::vector<int64_t> SupplementalGroups(const Json& pod);

// "" or the name of the first sysctl that is not in the safe set.
std::string UnsafeSysctl(const Json& pod);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_SECURITY_H_
