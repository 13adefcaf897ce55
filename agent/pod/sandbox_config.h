// SPDX-License-Identifier: Apache-2.0
// Pod spec → PodSandboxConfig. Reads the node's resolv.conf through agent/env
// and, for a pod with a user namespace, the file with its IDs.
#ifndef CORACLE_AGENT_POD_SANDBOX_CONFIG_H_
#define CORACLE_AGENT_POD_SANDBOX_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/pod/engine.h"
#include "proto/cri/v1/api.pb.h"

namespace agent::pod {

using runtime::Json;
namespace v1 = ::runtime::v1;

struct SandboxPlan {
  v1::PodSandboxConfig config;
  std::string runtime_handler;
  std::string dns_warning;  // for an event; "" if none
  std::string dns_warning_reason;
};

absl::StatusOr<SandboxPlan> PlanSandbox(const EngineOptions& options,
                                        const Json& pod,
                                        const std::string& cgroup_parent,
                                        uint32_t attempt);

// Namespaces of a container of this pod but for its users; `target_id` for an
// ephemeral one.
v1::NamespaceOption Namespaces(const Json& pod, const std::string& target_id);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_SANDBOX_CONFIG_H_
