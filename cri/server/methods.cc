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
  // The library does not say what is wrong.
  return absl::InternalError(
      absl::StrCat(request.GetTypeName(),
                   ": cannot be parsed: it is not of this type, or has a text "
                   "that is not UTF-8"));
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

constexpr bool kShort = true, kLong = false;

#define CORACLE_SERVE(Service, Method, is_short)                            \
  {                                                                         \
    v1::Service::service_full_name(), #Method,                              \
        &Unary<v1::Method##Request, v1::Method##Response, &server::Method>, \
        is_short                                                            \
  }
#define CORACLE_STREAM(Service, Method, is_short)                            \
  {                                                                          \
    v1::Service::service_full_name(), #Method,                               \
        &Stream<v1::Method##Request, v1::Method##Response, &server::Method>, \
        is_short                                                             \
  }

const Method kMethods[] = {
    CORACLE_SERVE(RuntimeService, Version, kShort),
    CORACLE_SERVE(RuntimeService, Status, kShort),
    CORACLE_SERVE(RuntimeService, RuntimeConfig, kShort),
    CORACLE_SERVE(RuntimeService, UpdateRuntimeConfig, kLong),
    CORACLE_SERVE(RuntimeService, RunPodSandbox, kLong),
    CORACLE_SERVE(RuntimeService, StopPodSandbox, kLong),
    CORACLE_SERVE(RuntimeService, RemovePodSandbox, kLong),
    CORACLE_SERVE(RuntimeService, PodSandboxStatus, kShort),
    CORACLE_SERVE(RuntimeService, ListPodSandbox, kShort),
    CORACLE_SERVE(RuntimeService, CreateContainer, kLong),
    CORACLE_SERVE(RuntimeService, StartContainer, kLong),
    CORACLE_SERVE(RuntimeService, StopContainer, kLong),
    CORACLE_SERVE(RuntimeService, RemoveContainer, kLong),
    CORACLE_SERVE(RuntimeService, ListContainers, kShort),
    CORACLE_SERVE(RuntimeService, ContainerStatus, kShort),
    CORACLE_SERVE(RuntimeService, ExecSync, kLong),
    CORACLE_SERVE(RuntimeService, ReopenContainerLog, kLong),
    CORACLE_SERVE(RuntimeService, UpdateContainerResources, kLong),
    CORACLE_SERVE(RuntimeService, UpdatePodSandboxResources, kLong),
    CORACLE_SERVE(RuntimeService, Exec, kShort),
    CORACLE_SERVE(RuntimeService, Attach, kShort),
    CORACLE_SERVE(RuntimeService, PortForward, kShort),
    CORACLE_SERVE(RuntimeService, ContainerStats, kLong),
    CORACLE_SERVE(RuntimeService, ListContainerStats, kLong),
    CORACLE_SERVE(RuntimeService, PodSandboxStats, kLong),
    CORACLE_SERVE(RuntimeService, ListPodSandboxStats, kLong),
    CORACLE_SERVE(RuntimeService, ListMetricDescriptors, kShort),
    CORACLE_SERVE(RuntimeService, ListPodSandboxMetrics, kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxes, kShort),
    CORACLE_STREAM(RuntimeService, StreamContainers, kShort),
    CORACLE_STREAM(RuntimeService, StreamContainerStats, kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxStats, kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxMetrics, kLong),
    {v1::RuntimeService::service_full_name(), "GetContainerEvents", nullptr},
    CORACLE_SERVE(RuntimeService, CheckpointContainer, kLong),
    CORACLE_SERVE(ImageService, ListImages, kShort),
    CORACLE_SERVE(ImageService, ImageStatus, kShort),
    CORACLE_SERVE(ImageService, PullImage, kLong),
    CORACLE_SERVE(ImageService, RemoveImage, kLong),
    CORACLE_SERVE(ImageService, ImageFsInfo, kShort),
    CORACLE_STREAM(ImageService, StreamImages, kShort),
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
