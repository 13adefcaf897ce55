// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/client.h"

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/base/status.h"

namespace agent::cri {
namespace {

// kubelet's runtimeRequestTimeout; sandboxes may wait for a CNI plugin.
constexpr absl::Duration kTimeout = absl::Minutes(2);
constexpr absl::Duration kSandboxTimeout = absl::Minutes(4);
constexpr absl::Duration kPullsTimeout = absl::Seconds(2);

// A `done` for an RPC whose answer is empty.
template <typename Response>
Done<Response> OnlyStatus(DoneStatus done) {
  return [done = std::move(done)](absl::StatusOr<Response> response) {
    done(response.status());
  };
}

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

template <typename Request, typename Response, typename Stub>
absl::StatusOr<Response> Block(
    Stub* stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request, absl::Duration timeout = kTimeout) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  Response response;
  grpc::Status status = (stub->*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

Client::Client(std::shared_ptr<grpc::ChannelInterface> channel)
    : runtime_(v1::RuntimeService::NewStub(channel)),
      image_(v1::ImageService::NewStub(channel)) {}

template <typename Stub, typename Request, typename Response>
void Client::Start(Stub* stub,
                   std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (
                       Stub::*prepare)(grpc::ClientContext*, const Request&,
                                       grpc::CompletionQueue*),
                   const Request& request, absl::Duration timeout,
                   Done<Response> done) {
  struct Call : Calls::Call {
    void Finish() override {
      if (status.ok()) {
        done(std::move(response));
      } else {
        done(FromGrpc(status));
      }
    }

    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    Response response;
    Done<Response> done;
  };
  auto call = std::make_unique<Call>();
  call->done = std::move(done);
  SetDeadline(call->context, timeout);
  if (!calls_.Take(call.get())) {
    return call->done(absl::CancelledError("shutting down"));
  }
  Call& started = *call.release();
  started.reader = (stub->*prepare)(&started.context, request, calls_.queue());
  started.reader->StartCall();
  started.reader->Finish(&started.response, &started.status,
                         static_cast<Calls::Call*>(&started));
}

absl::StatusOr<v1::VersionResponse> Client::Version() {
  v1::VersionRequest request;
  request.set_version("v1");
  return Block(runtime_.get(), &v1::RuntimeService::Stub::Version, request);
}

absl::StatusOr<v1::StatusResponse> Client::Status() {
  return Block(runtime_.get(), &v1::RuntimeService::Stub::Status,
               v1::StatusRequest());
}

absl::StatusOr<std::vector<PullProgress>> Client::Pulls() {
  v1::StatusRequest request;
  request.set_verbose(true);
  ASSIGN_OR_RETURN(const v1::StatusResponse status,
                   Block(runtime_.get(), &v1::RuntimeService::Stub::Status,
                         request, kPullsTimeout));
  return PullsIn(status);
}

absl::Status Client::ReopenContainerLog(const std::string& id) {
  v1::ReopenContainerLogRequest request;
  request.set_container_id(id);
  return Block(runtime_.get(), &v1::RuntimeService::Stub::ReopenContainerLog,
               request)
      .status();
}

absl::Status Client::UpdateRuntimeConfig(const std::string& pod_cidr) {
  v1::UpdateRuntimeConfigRequest request;
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(
      pod_cidr);
  return Block(runtime_.get(), &v1::RuntimeService::Stub::UpdateRuntimeConfig,
               request)
      .status();
}

absl::StatusOr<v1::ListPodSandboxResponse> Client::ListPodSandbox() {
  return Block(runtime_.get(), &v1::RuntimeService::Stub::ListPodSandbox,
               v1::ListPodSandboxRequest());
}

absl::StatusOr<v1::ListPodSandboxStatsResponse> Client::ListPodSandboxStats() {
  return Block(runtime_.get(), &v1::RuntimeService::Stub::ListPodSandboxStats,
               v1::ListPodSandboxStatsRequest());
}

absl::StatusOr<v1::ListContainersResponse> Client::ListContainers() {
  return Block(runtime_.get(), &v1::RuntimeService::Stub::ListContainers,
               v1::ListContainersRequest());
}

absl::StatusOr<v1::PodSandboxStatus> Client::PodSandboxStatus(
    const std::string& id) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  ASSIGN_OR_RETURN(v1::PodSandboxStatusResponse response,
                   Block(runtime_.get(),
                         &v1::RuntimeService::Stub::PodSandboxStatus, request));
  return std::move(*response.mutable_status());
}

absl::StatusOr<v1::ContainerStatus> Client::ContainerStatus(
    const std::string& id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  ASSIGN_OR_RETURN(v1::ContainerStatusResponse response,
                   Block(runtime_.get(),
                         &v1::RuntimeService::Stub::ContainerStatus, request));
  return std::move(*response.mutable_status());
}

#define CORACLE_CRI_START_(stub, service, method, request, timeout, done)     \
  Start<v1::service::Stub, v1::method##Request, v1::method##Response>(        \
      stub.get(), &v1::service::Stub::PrepareAsync##method, request, timeout, \
      done)

void Client::RunPodSandbox(v1::RunPodSandboxRequest request,
                           Done<v1::RunPodSandboxResponse> done) {
  CORACLE_CRI_START_(runtime_, RuntimeService, RunPodSandbox, request,
                     kSandboxTimeout, std::move(done));
}

void Client::PodSandboxStatus(const std::string& id,
                              Done<v1::PodSandboxStatus> done) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  CORACLE_CRI_START_(
      runtime_, RuntimeService, PodSandboxStatus, request, kTimeout,
      [done = std::move(done)](
          absl::StatusOr<v1::PodSandboxStatusResponse> response) {
        if (!response.ok()) return done(response.status());
        done(std::move(*response->mutable_status()));
      });
}

void Client::StopPodSandbox(const std::string& id, DoneStatus done) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  CORACLE_CRI_START_(runtime_, RuntimeService, StopPodSandbox, request,
                     kTimeout,
                     OnlyStatus<v1::StopPodSandboxResponse>(std::move(done)));
}

void Client::RemovePodSandbox(const std::string& id, DoneStatus done) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  CORACLE_CRI_START_(runtime_, RuntimeService, RemovePodSandbox, request,
                     kTimeout,
                     OnlyStatus<v1::RemovePodSandboxResponse>(std::move(done)));
}

void Client::CreateContainer(v1::CreateContainerRequest request,
                             Done<v1::CreateContainerResponse> done) {
  CORACLE_CRI_START_(runtime_, RuntimeService, CreateContainer, request,
                     kTimeout, std::move(done));
}

void Client::StartContainer(const std::string& id, DoneStatus done) {
  v1::StartContainerRequest request;
  request.set_container_id(id);
  CORACLE_CRI_START_(runtime_, RuntimeService, StartContainer, request,
                     kTimeout,
                     OnlyStatus<v1::StartContainerResponse>(std::move(done)));
}

void Client::StopContainer(const std::string& id, absl::Duration grace,
                           DoneStatus done) {
  v1::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(
      absl::ToInt64Seconds(absl::Ceil(grace, absl::Seconds(1))));
  CORACLE_CRI_START_(runtime_, RuntimeService, StopContainer, request,
                     kTimeout + grace,
                     OnlyStatus<v1::StopContainerResponse>(std::move(done)));
}

void Client::RemoveContainer(const std::string& id, DoneStatus done) {
  v1::RemoveContainerRequest request;
  request.set_container_id(id);
  CORACLE_CRI_START_(runtime_, RuntimeService, RemoveContainer, request,
                     kTimeout,
                     OnlyStatus<v1::RemoveContainerResponse>(std::move(done)));
}

void Client::ContainerStatus(const std::string& id,
                             Done<v1::ContainerStatus> done) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  CORACLE_CRI_START_(runtime_, RuntimeService, ContainerStatus, request,
                     kTimeout,
                     [done = std::move(done)](
                         absl::StatusOr<v1::ContainerStatusResponse> response) {
                       if (!response.ok()) return done(response.status());
                       done(std::move(*response->mutable_status()));
                     });
}

void Client::ListPod(const std::string& pod_uid,
                     Done<v1::ListPodSandboxResponse> sandboxes,
                     Done<v1::ListContainersResponse> containers) {
  v1::ListPodSandboxRequest pods;
  (*pods.mutable_filter()->mutable_label_selector())["io.kubernetes.pod.uid"] =
      pod_uid;
  CORACLE_CRI_START_(runtime_, RuntimeService, ListPodSandbox, std::move(pods),
                     kTimeout, std::move(sandboxes));
  v1::ListContainersRequest list;
  (*list.mutable_filter()->mutable_label_selector())["io.kubernetes.pod.uid"] =
      pod_uid;
  CORACLE_CRI_START_(runtime_, RuntimeService, ListContainers, std::move(list),
                     kTimeout, std::move(containers));
}

void Client::ExecSync(const std::string& id,
                      const std::vector<std::string>& command,
                      absl::Duration timeout, Done<v1::ExecSyncResponse> done) {
  v1::ExecSyncRequest request;
  request.set_container_id(id);
  for (const std::string& word : command) request.add_cmd(word);
  request.set_timeout(absl::ToInt64Seconds(timeout));
  absl::Duration deadline = timeout == absl::ZeroDuration()
                                ? absl::InfiniteDuration()
                                : timeout + absl::Seconds(10);
  CORACLE_CRI_START_(runtime_, RuntimeService, ExecSync, request, deadline,
                     std::move(done));
}

void Client::ImageStatus(const v1::ImageSpec& image, Done<v1::Image> done) {
  v1::ImageStatusRequest request;
  *request.mutable_image() = image;
  CORACLE_CRI_START_(
      image_, ImageService, ImageStatus, request, kTimeout,
      [done =
           std::move(done)](absl::StatusOr<v1::ImageStatusResponse> response) {
        if (!response.ok()) return done(response.status());
        if (!response->has_image() || response->image().id().empty()) {
          return done(absl::NotFoundError("image not found"));
        }
        done(std::move(*response->mutable_image()));
      });
}

void Client::PullImage(v1::PullImageRequest request,
                       Done<v1::PullImageResponse> done) {
  // The server aborts a pull that makes no progress; a total deadline would
  // only punish big images.
  CORACLE_CRI_START_(image_, ImageService, PullImage, request,
                     absl::InfiniteDuration(), std::move(done));
}

#undef CORACLE_CRI_START_

}  // namespace agent::cri
