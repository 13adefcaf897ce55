// SPDX-License-Identifier: Apache-2.0
#include "cri/server/methods.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstdint>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/server/errors.h"
#include "cri/server/list_writer.h"
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

// Of a message of a stream. Clients take 16 MiB; less lets them work meanwhile.
constexpr size_t kBatchBytes = 4 << 20;

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

// The number of the one field of an answer that is a list.
template <typename Response>
int ListField() {
  return Response::descriptor()->field(0)->number();
}

template <typename Item, typename Request>
using ListFunction = absl::Status(Context&, const Request&,
                                  const std::function<void(const Item&)>&);

template <typename Item, typename Request>
absl::StatusOr<Messages> Write(ListFunction<Item, Request>* function,
                               Context& context, const Request& request,
                               ListWriter writer) {
  const runtime::activity::Operation operation(
      context.method, ObjectOf(context.engine, request));
  RETURN_IF_ERROR(
      function(context, request, [&](const Item& item) { writer.Add(item); }));
  return writer.Messages();
}

template <typename Item, typename Request, typename Response,
          ListFunction<Item, Request>* function>
absl::StatusOr<Messages> List(Context& context, grpc::ByteBuffer& bytes) {
  Request request;
  RETURN_IF_ERROR(Parse(bytes, request));
  ASSIGN_OR_RETURN(Messages messages,
                   Write(function, context, request,
                         ListWriter(ListField<Response>(), SIZE_MAX)));
  if (messages.empty()) messages.emplace_back(nullptr, 0);
  return messages;
}

template <typename Item, typename Request, typename Response,
          typename ListRequest, ListFunction<Item, ListRequest>* function>
absl::StatusOr<Messages> Stream(Context& context, grpc::ByteBuffer& bytes) {
  Request request;
  RETURN_IF_ERROR(Parse(bytes, request));
  ListRequest list;
  if constexpr (requires { request.filter(); }) {
    *list.mutable_filter() = request.filter();
  }
  return Write(function, context, list,
               ListWriter(ListField<Response>(), kBatchBytes));
}

constexpr bool kShort = true, kLong = false;

#define CORACLE_SERVE(Service, Method, is_short)                            \
  {                                                                         \
    v1::Service::service_full_name(), #Method,                              \
        &Unary<v1::Method##Request, v1::Method##Response, &server::Method>, \
        is_short                                                            \
  }
#define CORACLE_LIST(Service, Method, Item, is_short)              \
  {                                                                \
    v1::Service::service_full_name(), #Method,                     \
        &List<v1::Item, v1::Method##Request, v1::Method##Response, \
              &server::Method>,                                    \
        is_short                                                   \
  }
#define CORACLE_STREAM(Service, Method, Of, Item, is_short)          \
  {                                                                  \
    v1::Service::service_full_name(), #Method,                       \
        &Stream<v1::Item, v1::Method##Request, v1::Method##Response, \
                v1::Of##Request, &server::Of>,                       \
        is_short                                                     \
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
    CORACLE_LIST(RuntimeService, ListPodSandbox, PodSandbox, kShort),
    CORACLE_SERVE(RuntimeService, CreateContainer, kLong),
    CORACLE_SERVE(RuntimeService, StartContainer, kLong),
    CORACLE_SERVE(RuntimeService, StopContainer, kLong),
    CORACLE_SERVE(RuntimeService, RemoveContainer, kLong),
    CORACLE_LIST(RuntimeService, ListContainers, Container, kShort),
    CORACLE_SERVE(RuntimeService, ContainerStatus, kShort),
    CORACLE_SERVE(RuntimeService, ExecSync, kLong),
    CORACLE_SERVE(RuntimeService, ReopenContainerLog, kLong),
    CORACLE_SERVE(RuntimeService, UpdateContainerResources, kLong),
    CORACLE_SERVE(RuntimeService, UpdatePodSandboxResources, kLong),
    CORACLE_SERVE(RuntimeService, Exec, kShort),
    CORACLE_SERVE(RuntimeService, Attach, kShort),
    CORACLE_SERVE(RuntimeService, PortForward, kShort),
    CORACLE_SERVE(RuntimeService, ContainerStats, kLong),
    CORACLE_LIST(RuntimeService, ListContainerStats, ContainerStats, kLong),
    CORACLE_SERVE(RuntimeService, PodSandboxStats, kLong),
    CORACLE_LIST(RuntimeService, ListPodSandboxStats, PodSandboxStats, kLong),
    CORACLE_SERVE(RuntimeService, ListMetricDescriptors, kShort),
    CORACLE_LIST(RuntimeService, ListPodSandboxMetrics, PodSandboxMetrics,
                 kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxes, ListPodSandbox,
                   PodSandbox, kShort),
    CORACLE_STREAM(RuntimeService, StreamContainers, ListContainers, Container,
                   kShort),
    CORACLE_STREAM(RuntimeService, StreamContainerStats, ListContainerStats,
                   ContainerStats, kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxStats, ListPodSandboxStats,
                   PodSandboxStats, kLong),
    CORACLE_STREAM(RuntimeService, StreamPodSandboxMetrics,
                   ListPodSandboxMetrics, PodSandboxMetrics, kLong),
    {v1::RuntimeService::service_full_name(), "GetContainerEvents", nullptr},
    CORACLE_SERVE(RuntimeService, CheckpointContainer, kLong),
    CORACLE_LIST(ImageService, ListImages, Image, kShort),
    CORACLE_SERVE(ImageService, ImageStatus, kShort),
    CORACLE_SERVE(ImageService, PullImage, kLong),
    CORACLE_SERVE(ImageService, RemoveImage, kLong),
    CORACLE_SERVE(ImageService, ImageFsInfo, kShort),
    CORACLE_STREAM(ImageService, StreamImages, ListImages, Image, kShort),
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
