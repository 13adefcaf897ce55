// SPDX-License-Identifier: Apache-2.0
#include "cri/server/services.h"

#include "cri/server/call.h"
#include "cri/server/errors.h"
#include "cri/server/event_stream.h"
#include "cri/server/rpc.h"
#include "cri/server/stream_call.h"
#include "proto/cri/v1/api.grpc.pb.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

// A unary method that is served, one that is refused, and a stream.
#define CORACLE_SERVE(Method)                                                 \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context,      \
                                   const v1::Method##Request* request,        \
                                   v1::Method##Response* response) override { \
    return new UnaryCall<v1::Method##Request, v1::Method##Response>(          \
        engine_, #Method, *context, request, response, &server::Method);      \
  }
#define CORACLE_REFUSE(Method)                                       \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext*,     \
                                   const v1::Method##Request*,       \
                                   v1::Method##Response*) override { \
    return new RefusedCall(NotImplemented(#Method));                 \
  }
#define CORACLE_STREAM(Method)                                        \
  grpc::ServerWriteReactor<v1::Method##Response>* Method(             \
      grpc::CallbackServerContext* context,                           \
      const v1::Method##Request* request) override {                  \
    return new StreamCall<v1::Method##Request, v1::Method##Response>( \
        engine_, #Method, *context, request, &server::Method);        \
  }

class RuntimeService : public v1::RuntimeService::CallbackService {
 public:
  explicit RuntimeService(Engine& engine) : engine_(engine) {}

  CORACLE_SERVE(Version)
  CORACLE_SERVE(Status)
  CORACLE_SERVE(RuntimeConfig)
  CORACLE_SERVE(UpdateRuntimeConfig)
  CORACLE_SERVE(RunPodSandbox)
  CORACLE_SERVE(StopPodSandbox)
  CORACLE_SERVE(RemovePodSandbox)
  CORACLE_SERVE(PodSandboxStatus)
  CORACLE_SERVE(ListPodSandbox)
  CORACLE_SERVE(CreateContainer)
  CORACLE_SERVE(StartContainer)
  CORACLE_SERVE(StopContainer)
  CORACLE_SERVE(RemoveContainer)
  CORACLE_SERVE(ListContainers)
  CORACLE_SERVE(ContainerStatus)
  CORACLE_SERVE(ExecSync)
  CORACLE_SERVE(ReopenContainerLog)
  CORACLE_SERVE(UpdateContainerResources)
  CORACLE_SERVE(UpdatePodSandboxResources)
  CORACLE_SERVE(Exec)
  CORACLE_SERVE(Attach)
  CORACLE_SERVE(PortForward)
  CORACLE_SERVE(ContainerStats)
  CORACLE_SERVE(ListContainerStats)
  CORACLE_SERVE(PodSandboxStats)
  CORACLE_SERVE(ListPodSandboxStats)
  CORACLE_SERVE(ListMetricDescriptors)
  CORACLE_SERVE(ListPodSandboxMetrics)
  CORACLE_STREAM(StreamPodSandboxes)
  CORACLE_STREAM(StreamContainers)
  CORACLE_STREAM(StreamContainerStats)
  CORACLE_STREAM(StreamPodSandboxStats)
  CORACLE_STREAM(StreamPodSandboxMetrics)

  grpc::ServerWriteReactor<v1::ContainerEventResponse>* GetContainerEvents(
      grpc::CallbackServerContext*, const v1::GetEventsRequest*) override {
    return OpenEventStream(engine_.events);
  }

  CORACLE_REFUSE(CheckpointContainer)

 private:
  Engine& engine_;
};

class ImageService : public v1::ImageService::CallbackService {
 public:
  explicit ImageService(Engine& engine) : engine_(engine) {}

  CORACLE_SERVE(ListImages)
  CORACLE_SERVE(ImageStatus)
  CORACLE_SERVE(PullImage)
  CORACLE_SERVE(RemoveImage)
  CORACLE_SERVE(ImageFsInfo)
  CORACLE_STREAM(StreamImages)

 private:
  Engine& engine_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRuntimeService(Engine& engine) {
  return std::make_unique<RuntimeService>(engine);
}

std::unique_ptr<grpc::Service> MakeImageService(Engine& engine) {
  return std::make_unique<ImageService>(engine);
}

}  // namespace cri::server
