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
// user where the spec does not; `seccomp_default` gives RuntimeDefault to who
// asks for no profile; an error is a CreateContainerConfigError.
absl::StatusOr<v1::LinuxContainerSecurityContext> ContainerSecurity(
    const Json& pod, const status::ContainerSpec& container,
    const v1::Image& image, const std::string& kubelet_dir,
    bool seccomp_default = false);

// supplementalGroups and fsGroup.
std::vector<int64_t> SupplementalGroups(const Json& pod);

// "" or the name of the first sysctl that is neither in the safe set nor in
// `allowed` (names, or prefixes that end in '*').
std::string UnsafeSysctl(const Json& pod,
                         const std::vector<std::string>& allowed = {});

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_SECURITY_H_
