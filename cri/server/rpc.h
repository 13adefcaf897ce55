// SPDX-License-Identifier: Apache-2.0
// The RPCs of this server as free functions, by chapter. They know nothing of
// gRPC; they run in the executor's threads and may block. Each is what
// proto/cri/v1 promises of its namesake.
#ifndef CORACLE_CRI_SERVER_RPC_H_
#define CORACLE_CRI_SERVER_RPC_H_

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

// Declares absl::StatusOr<std::vector<…Response>> Method(Context&, const
// …Request&): the messages of a stream, each with at least one item.
#define CORACLE_STREAM_RPC(Method)                                     \
  absl::StatusOr<std::vector<::runtime::v1::Method##Response>> Method( \
      Context& context, const ::runtime::v1::Method##Request& request)

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
CORACLE_RPC(ListPodSandbox);

// containers.cc
CORACLE_RPC(CreateContainer);
CORACLE_RPC(StartContainer);
CORACLE_RPC(StopContainer);
CORACLE_RPC(RemoveContainer);
CORACLE_RPC(ListContainers);
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
CORACLE_RPC(ListContainerStats);
CORACLE_RPC(PodSandboxStats);
CORACLE_RPC(ListPodSandboxStats);
CORACLE_RPC(ListMetricDescriptors);
CORACLE_RPC(ListPodSandboxMetrics);

// images.cc
CORACLE_RPC(ListImages);
CORACLE_RPC(ImageStatus);
CORACLE_RPC(PullImage);
CORACLE_RPC(RemoveImage);
CORACLE_RPC(ImageFsInfo);

// streams.cc
CORACLE_STREAM_RPC(StreamPodSandboxes);
CORACLE_STREAM_RPC(StreamContainers);
CORACLE_STREAM_RPC(StreamContainerStats);
CORACLE_STREAM_RPC(StreamPodSandboxStats);
CORACLE_STREAM_RPC(StreamPodSandboxMetrics);
CORACLE_STREAM_RPC(StreamImages);

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
