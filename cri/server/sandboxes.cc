// SPDX-License-Identifier: Apache-2.0
// The five RPCs of pod sandboxes.
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/container/resources.h"
#include "cri/sandbox/pod_spec.h"
#include "cri/server/rpc.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

// What the network says of a pod that it connected: "ok" or what is missing.
// Nothing of others, and where nobody can tell.
std::optional<std::string> CheckNetwork(const Engine& engine,
                                        sandbox::Sandbox& sandbox) {
  // Until it is done nobody tears the pod down.
  const absl::StatusOr<sandbox::Sandbox::Use> use = sandbox.Enter();
  if (!use.ok() || sandbox.ips.empty()) return std::nullopt;
  const std::optional<absl::Status> checked = engine.network->Check(sandbox.id);
  if (!checked.has_value()) return std::nullopt;
  return checked->ok() ? "ok" : std::string(checked->message());
}

std::string VerboseInfo(const Engine& engine, sandbox::Sandbox& sandbox) {
  v1::PodSandboxConfig now = sandbox.config;
  sandbox::Sandbox::Limits limits = sandbox.GetLimits();
  if (now.has_linux() || limits.resources.ByteSizeLong() > 0) {
    *now.mutable_linux()->mutable_overhead() = std::move(limits.overhead);
    *now.mutable_linux()->mutable_resources() = std::move(limits.resources);
  }
  absl::StatusOr<Json> config = runtime::ParseJson(ToJsonText(now), "config");
  Json info{{"sandboxID", sandbox.id},
            {"pid", sandbox.holder_pid},
            {"pausePid", sandbox.pause_pid},
            {"cgroupParent", sandbox.cgroup_parent},
            {"containersCgroup", sandbox.ContainersCgroup()},
            {"filesDir", sandbox.files_dir},
            {"runtimeHandler", sandbox.runtime_handler},
            {"runtimeSpec", sandbox::PodSpec(sandbox)}};
  if (config.ok()) info["config"] = *std::move(config);
  if (const std::optional<std::string> network = CheckNetwork(engine, sandbox);
      network.has_value()) {
    info["networkCheck"] = *network;
  }
  return runtime::DumpJson(info);
}

}  // namespace

absl::StatusOr<v1::RunPodSandboxResponse> RunPodSandbox(
    Context& context, const v1::RunPodSandboxRequest& request) {
  RETURN_IF_ERROR(CheckHandler(context.engine, request.runtime_handler()));
  const v1::LinuxPodSandboxConfig& sizes = request.config().linux();
  RETURN_IF_ERROR(
      container::CheckResources(sizes.overhead(), "config.linux.overhead"));
  RETURN_IF_ERROR(
      container::CheckResources(sizes.resources(), "config.linux.resources"));
  // After its deadline a kubelet asks again, and finds what was made meanwhile;
  // a client that is gone before does not.
  auto given_up = [&context] {
    return context.cancellation.IsCancelled() && absl::Now() < context.deadline;
  };
  ASSIGN_OR_RETURN(
      sandbox::SandboxPtr sandbox,
      context.engine.sandboxes->Run(request.config(), request.runtime_handler(),
                                    context.deadline, given_up));
  v1::RunPodSandboxResponse response;
  response.set_pod_sandbox_id(sandbox->id);
  return response;
}

absl::StatusOr<v1::StopPodSandboxResponse> StopPodSandbox(
    Context& context, const v1::StopPodSandboxRequest& request) {
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandboxOrNull(context.engine, request.pod_sandbox_id()));
  if (sandbox != nullptr) {
    RETURN_IF_ERROR(context.engine.StopSandbox(sandbox, context.deadline));
  }
  return v1::StopPodSandboxResponse();
}

absl::StatusOr<v1::RemovePodSandboxResponse> RemovePodSandbox(
    Context& context, const v1::RemovePodSandboxRequest& request) {
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandboxOrNull(context.engine, request.pod_sandbox_id()));
  if (sandbox != nullptr) {
    RETURN_IF_ERROR(context.engine.RemoveSandbox(sandbox, context.deadline));
  }
  return v1::RemovePodSandboxResponse();
}

absl::StatusOr<v1::PodSandboxStatusResponse> PodSandboxStatus(
    Context& context, const v1::PodSandboxStatusRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  v1::PodSandboxStatusResponse response;
  // The time first: what changes from here on is newer than the answer.
  response.set_timestamp(absl::ToUnixNanos(absl::Now()));
  *response.mutable_status() = sandbox::ToStatus(*sandbox);
  for (const auto& container : engine.containers->ListOf(*sandbox)) {
    *response.add_containers_statuses() = container::ToStatus(*container);
  }
  if (request.verbose()) {
    (*response.mutable_info())["info"] = VerboseInfo(engine, *sandbox);
  }
  return response;
}

CORACLE_LIST_RPC(ListPodSandbox, PodSandbox) {
  const v1::PodSandboxState state = request.filter().state().state();
  if (!v1::PodSandboxState_IsValid(state)) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter.state: ", static_cast<int>(state),
                     " is not a value of this API"));
  }
  for (const auto& sandbox :
       context.engine.sandboxes->List(request.filter().id())) {
    if (sandbox::Matches(*sandbox, request.filter())) {
      add(sandbox::ToListItem(*sandbox));
    }
  }
  return absl::OkStatus();
}

}  // namespace cri::server
