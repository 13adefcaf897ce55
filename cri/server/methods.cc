// SPDX-License-Identifier: Apache-2.0
#include "cri/server/methods.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/server/errors.h"
#include "cri/server/operations.h"
#include "cri/server/rpc.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "runtime/base/activity.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;
using google::protobuf::MessageLite;
using Messages = std::vector<grpc::ByteBuffer>;

absl::Status Parse(grpc::ByteBuffer& bytes, MessageLite& request) {
  const grpc::Status status =
      grpc::SerializationTraits<MessageLite>::Deserialize(&bytes, &request);
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(request.GetTypeName(), ": ", status.error_message()));
}

template <typename Request, typename Response,
          absl::StatusOr<Response> (*function)(Context&, const Request&)>
absl::StatusOr<Messages> Unary(Context& context, grpc::ByteBuffer& bytes) {
  Request request;
  RETURN_IF_ERROR(Parse(bytes, request));
  const runtime::activity::Operation operation(
      context.method, ObjectOf(context.engine, request));
  ASSIGN_OR_RETURN(const Response response, function(context, request));
  Messages messages(1);
  ASSIGN_OR_RETURN(messages[0], Serialize(response));
  return messages;
}

template <typename Request, typename Response,
          absl::StatusOr<std::vector<Response>> (*function)(Context&,
                                                            const Request&)>
absl::StatusOr<Messages> Stream(Context& context, grpc::ByteBuffer& bytes) {
  Request request;
  RETURN_IF_ERROR(Parse(bytes, request));
  const runtime::activity::Operation operation(context.method, "");
  ASSIGN_OR_RETURN(const std::vector<Response> batches,
                   function(context, request));
  Messages messages(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    ASSIGN_OR_RETURN(messages[i], Serialize(batches[i]));
  }
  return messages;
}

#define CORACLE_SERVE(Service, Method)                                     \
  {                                                                        \
    v1::Service::service_full_name(), #Method,                             \
        &Unary<v1::Method##Request, v1::Method##Response, &server::Method> \
  }
#define CORACLE_STREAM(Service, Method)                                     \
  {                                                                         \
    v1::Service::service_full_name(), #Method,                              \
        &Stream<v1::Method##Request, v1::Method##Response, &server::Method> \
  }

const Method kMethods[] = {
    CORACLE_SERVE(RuntimeService, Version),
    CORACLE_SERVE(RuntimeService, Status),
    CORACLE_SERVE(RuntimeService, RuntimeConfig),
    CORACLE_SERVE(RuntimeService, UpdateRuntimeConfig),
    CORACLE_SERVE(RuntimeService, RunPodSandbox),
    CORACLE_SERVE(RuntimeService, StopPodSandbox),
    CORACLE_SERVE(RuntimeService, RemovePodSandbox),
    CORACLE_SERVE(RuntimeService, PodSandboxStatus),
    CORACLE_SERVE(RuntimeService, ListPodSandbox),
    CORACLE_SERVE(RuntimeService, CreateContainer),
    CORACLE_SERVE(RuntimeService, StartContainer),
    CORACLE_SERVE(RuntimeService, StopContainer),
    CORACLE_SERVE(RuntimeService, RemoveContainer),
    CORACLE_SERVE(RuntimeService, ListContainers),
    CORACLE_SERVE(RuntimeService, ContainerStatus),
    CORACLE_SERVE(RuntimeService, ExecSync),
    CORACLE_SERVE(RuntimeService, ReopenContainerLog),
    CORACLE_SERVE(RuntimeService, UpdateContainerResources),
    CORACLE_SERVE(RuntimeService, UpdatePodSandboxResources),
    CORACLE_SERVE(RuntimeService, Exec),
    CORACLE_SERVE(RuntimeService, Attach),
    CORACLE_SERVE(RuntimeService, PortForward),
    CORACLE_SERVE(RuntimeService, ContainerStats),
    CORACLE_SERVE(RuntimeService, ListContainerStats),
    CORACLE_SERVE(RuntimeService, PodSandboxStats),
    CORACLE_SERVE(RuntimeService, ListPodSandboxStats),
    CORACLE_SERVE(RuntimeService, ListMetricDescriptors),
    CORACLE_SERVE(RuntimeService, ListPodSandboxMetrics),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxes),
    CORACLE_STREAM(RuntimeService, StreamContainers),
    CORACLE_STREAM(RuntimeService, StreamContainerStats),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxStats),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxMetrics),
    {v1::RuntimeService::service_full_name(), "GetContainerEvents", nullptr},
    CORACLE_SERVE(RuntimeService, CheckpointContainer),
    CORACLE_SERVE(ImageService, ListImages),
    CORACLE_SERVE(ImageService, ImageStatus),
    CORACLE_SERVE(ImageService, PullImage),
    CORACLE_SERVE(ImageService, RemoveImage),
    CORACLE_SERVE(ImageService, ImageFsInfo),
    CORACLE_STREAM(ImageService, StreamImages),
};

}  // namespace

const Method* FindMethod(absl::string_view path) {
  for (const Method& method : kMethods) {
    absl::string_view rest = path;
    if (absl::ConsumePrefix(&rest, "/") &&
        absl::ConsumePrefix(&rest, method.service) &&
        absl::ConsumePrefix(&rest, "/") && rest == method.name) {
      return &method;
    }
  }
  return nullptr;
}

absl::StatusOr<grpc::ByteBuffer> Serialize(const MessageLite& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<MessageLite>::Serialize(message, &bytes, &own);
  if (status.ok()) return bytes;
  return absl::InternalError(
      absl::StrCat(message.GetTypeName(), ": ", status.error_message()));
}

}  // namespace cri::server
