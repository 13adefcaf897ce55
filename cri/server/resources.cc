// SPDX-License-Identifier: Apache-2.0
// Limits of containers and pods that exist.
#include "cri/container/resources.h"

#include "cri/server/rpc.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

}  // namespace

CORACLE_RPC(UpdateContainerResources) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  if (request.has_windows()) {
    return absl::InvalidArgumentError("windows: this is a Linux host");
  }
  RETURN_IF_ERROR(engine.containers->Update(container, request.linux()));
  return v1::UpdateContainerResourcesResponse();
}

// A kubelet has written the pod's cgroup before it calls, and with the built-in
// handler nothing else of the pod has limits: there is only to remember.
CORACLE_RPC(UpdatePodSandboxResources) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  RETURN_IF_ERROR(container::CheckResources(request.overhead(), "overhead"));
  RETURN_IF_ERROR(container::CheckResources(request.resources(), "resources"));
  RETURN_IF_ERROR(engine.sandboxes->ChangeLimits(
      sandbox, [&](sandbox::Sandbox::Limits& limits) {
        if (request.has_overhead()) limits.overhead = request.overhead();
        if (request.has_resources()) limits.resources = request.resources();
      }));
  return v1::UpdatePodSandboxResourcesResponse();
}

}  // namespace cri::server
