// SPDX-License-Identifier: Apache-2.0
// The RPCs of containers, but for exec and logs.
#include "absl/strings/str_cat.h"
#include "cri/server/rpc.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

std::string VerboseInfo(const Engine& engine,
                        const container::Container& container) {
  absl::StatusOr<Json> config =
      runtime::ParseJson(ToJsonText(container.config), "config");
  absl::StatusOr<Json> spec = runtime::ParseJson(
      engine.containers->ReadOciConfig(container.id), "config.json");
  Json info{{"sandboxID", container.sandbox->id},
            {"pid", container.GetState().pid},
            {"runtimeHandler", container.sandbox->runtime_handler}};
  if (config.ok()) info["config"] = *std::move(config);
  if (spec.ok()) info["runtimeSpec"] = *std::move(spec);
  return runtime::DumpJson(info);
}

}  // namespace

absl::StatusOr<v1::CreateContainerResponse> CreateContainer(
    Context& context, const v1::CreateContainerRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  ASSIGN_OR_RETURN(
      container::ContainerPtr container,
      engine.containers->Create(sandbox, request.config(), context.deadline));
  v1::CreateContainerResponse response;
  response.set_container_id(container->id);
  return response;
}

absl::StatusOr<v1::StartContainerResponse> StartContainer(
    Context& context, const v1::StartContainerRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  RETURN_IF_ERROR(engine.containers->Start(container, context.deadline));
  return v1::StartContainerResponse();
}

absl::StatusOr<v1::StopContainerResponse> StopContainer(
    Context& context, const v1::StopContainerRequest& request) {
  Engine& engine = context.engine;
  if (request.timeout() < 0) {
    return absl::InvalidArgumentError("timeout: is negative");
  }
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainerOrNull(engine, request.container_id()));
  if (container != nullptr) {
    RETURN_IF_ERROR(engine.containers->Stop(
        container, absl::Seconds(request.timeout()), context.deadline));
  }
  return v1::StopContainerResponse();
}

absl::StatusOr<v1::RemoveContainerResponse> RemoveContainer(
    Context& context, const v1::RemoveContainerRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainerOrNull(engine, request.container_id()));
  if (container != nullptr) {
    RETURN_IF_ERROR(engine.containers->Remove(container, context.deadline));
  }
  return v1::RemoveContainerResponse();
}

CORACLE_LIST_RPC(ListContainers, Container) {
  const v1::ContainerState state = request.filter().state().state();
  if (!v1::ContainerState_IsValid(state)) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter.state: ", static_cast<int>(state),
                     " is not a value of this API"));
  }
  const v1::ContainerFilter& filter = request.filter();
  for (const auto& container : context.engine.containers->ListFor(
           filter.id(), filter.pod_sandbox_id())) {
    if (container::Matches(*container, filter)) {
      add(container::ToListItem(*container));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ContainerStatusResponse> ContainerStatus(
    Context& context, const v1::ContainerStatusRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  v1::ContainerStatusResponse response;
  *response.mutable_status() = container::ToStatus(*container);
  if (request.verbose()) {
    (*response.mutable_info())["info"] = VerboseInfo(engine, *container);
  }
  return response;
}

}  // namespace cri::server
