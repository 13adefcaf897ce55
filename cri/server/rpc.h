// SPDX-License-Identifier: Apache-2.0
// The RPCs of this server as free functions, by chapter. They know nothing of
// gRPC; they run in the executor's threads and may block. Each is what
// proto/cri/v1 promises of its namesake.
#ifndef CORACLE_CRI_SERVER_RPC_H_
#define CORACLE_CRI_SERVER_RPC_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/server/context.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::server {

// Declares absl::StatusOr<…Response> Method(Context&, const …Request&).
#define CORACLE_RPC(Method)                               \
  absl::StatusOr<::runtime::v1::Method##Response> Method( \
      Context& context, const ::runtime::v1::Method##Request& request)

// Declares absl::Status Method(Context&, const …Request&, add), which gives
// each item of the list to `add`, none before an error. The Stream… namesake is
// served by the same function.
#define CORACLE_LIST_RPC(Method, Item)                                 \
  absl::Status Method(                                                 \
      Context& context, const ::runtime::v1::Method##Request& request, \
      const std::function<void(const ::runtime::v1::Item&)>& add)

// runtime.cc
CORACLE_RPC(Version);
CORACLE_RPC(Status);
CORACLE_RPC(RuntimeConfig);
CORACLE_RPC(UpdateRuntimeConfig);

// sandboxes.cc
CORACLE_RPC(RunPodSandbox);
CORACLE_RPC(StopPodSandbox);
CORACLE_RPC(RemovePodSandbox);
CORACLE_RPC(PodSandboxStatus);
CORACLE_LIST_RPC(ListPodSandbox, PodSandbox);

// containers.cc
CORACLE_RPC(CreateContainer);
CORACLE_RPC(StartContainer);
CORACLE_RPC(StopContainer);
CORACLE_RPC(RemoveContainer);
CORACLE_LIST_RPC(ListContainers, Container);
CORACLE_RPC(ContainerStatus);

// checkpoint.cc
CORACLE_RPC(CheckpointContainer);

// exec.cc
CORACLE_RPC(ExecSync);
CORACLE_RPC(ReopenContainerLog);

// resources.cc
CORACLE_RPC(UpdateContainerResources);
CORACLE_RPC(UpdatePodSandboxResources);

// streaming.cc
CORACLE_RPC(Exec);
CORACLE_RPC(Attach);
CORACLE_RPC(PortForward);

// stats.cc
CORACLE_RPC(ContainerStats);
CORACLE_LIST_RPC(ListContainerStats, ContainerStats);
CORACLE_RPC(PodSandboxStats);
CORACLE_LIST_RPC(ListPodSandboxStats, PodSandboxStats);
CORACLE_RPC(ListMetricDescriptors);
CORACLE_LIST_RPC(ListPodSandboxMetrics, PodSandboxMetrics);

// images.cc
CORACLE_LIST_RPC(ListImages, Image);
CORACLE_RPC(ImageStatus);
CORACLE_RPC(PullImage);
CORACLE_RPC(RemoveImage);
CORACLE_RPC(ImageFsInfo);

// INVALID_ARGUMENT, with the known ones, if `name` is no handler.
absl::Status CheckHandler(const Engine& engine, const std::string& name);

// By an ID as clients give it, which may be a unique prefix. Errors as of
// Registry::Find, INVALID_ARGUMENT with the field's name ("container_id")
// before it; OrNull takes "there is none" for success.
absl::StatusOr<sandbox::SandboxPtr> FindSandbox(const Engine& engine,
                                                const std::string& id);
absl::StatusOr<sandbox::SandboxPtr> FindSandboxOrNull(const Engine& engine,
                                                      const std::string& id);
absl::StatusOr<container::ContainerPtr> FindContainer(const Engine& engine,
                                                      const std::string& id);
absl::StatusOr<container::ContainerPtr> FindContainerOrNull(
    const Engine& engine, const std::string& id);

// FAILED_PRECONDITION unless it runs.
absl::Status CheckRunning(const container::Container& container);
// INVALID_ARGUMENT if `cmd` cannot be a program and its arguments.
absl::Status CheckCommand(
    const google::protobuf::RepeatedPtrField<std::string>& cmd);

// The JSON text of a message, for verbose answers.
std::string ToJsonText(const google::protobuf::Message& message);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_RPC_H_
