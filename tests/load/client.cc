// SPDX-License-Identifier: Apache-2.0
#include "tests/load/client.h"

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace tests::load {
namespace {

constexpr char kLabel[] = "coracle.test/load";

std::shared_ptr<grpc::Channel> Connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  // The server may be killed and come back at once.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  // A new client does not wait for the patience of an old one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(16 << 20);  // as crictl and kubelets
  return grpc::CreateCustomChannel(socket, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

Client::Client(const std::string& socket, std::string image)
    : image_(std::move(image)) {
  const std::shared_ptr<grpc::Channel> channel = Connect(socket);
  stub_ = v1::RuntimeService::NewStub(channel);
  images_ = v1::ImageService::NewStub(channel);
}

template <typename Stub, typename Request, typename Response>
grpc::Status Client::CallOn(Stub& stub,
                            grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                         const Request&,
                                                         Response*),
                            const Request& request, Response* response,
                            Limits limits) {
  grpc::ClientContext context;
  // A waiting call also drives the connection; one that fails at once does not.
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + limits.timeout));
  absl::Notification done;
  std::thread canceller;
  if (limits.cancel_after != absl::InfiniteDuration()) {
    canceller = std::thread([&] {
      if (!done.WaitForNotificationWithTimeout(limits.cancel_after)) {
        context.TryCancel();
      }
    });
  }
  const grpc::Status status = (stub.*method)(&context, request, response);
  done.Notify();
  if (canceller.joinable()) canceller.join();
  return status;
}

v1::PodSandboxConfig Client::Config(const PodName& pod) const {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(pod.name);
  config.mutable_metadata()->set_uid(pod.uid);
  config.mutable_metadata()->set_namespace_("load");
  config.set_hostname(pod.name);
  (*config.mutable_labels())[kLabel] = "";
  // A slice where systemd drives cgroups.
  const char* parent = std::getenv("CORACLE_TEST_CGROUP_PARENT");
  config.mutable_linux()->set_cgroup_parent(parent == nullptr ? "/coracle"
                                                              : parent);
  config.set_log_directory(pod.log_directory);
  if (pod.host_port != 0) {
    v1::PortMapping* port = config.add_port_mappings();
    port->set_host_port(pod.host_port);
    port->set_container_port(80);
  }
  return config;
}

grpc::Status Client::RunPod(const PodName& pod, std::string* id,
                            Limits limits) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = Config(pod);
  const char* handler = std::getenv("CORACLE_TEST_RUNTIME_HANDLER");
  request.set_runtime_handler(
      !pod.handler.empty() || handler == nullptr ? pod.handler : handler);
  v1::RunPodSandboxResponse response;
  const grpc::Status status = Call(&v1::RuntimeService::Stub::RunPodSandbox,
                                   request, &response, limits);
  *id = response.pod_sandbox_id();
  return status;
}

grpc::Status Client::CreateContainer(const PodName& pod,
                                     const std::string& pod_id,
                                     const std::string& name, std::string* id,
                                     Limits limits, const std::string& script) {
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod_id);
  *request.mutable_sandbox_config() = Config(pod);
  v1::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name(name);
  config.mutable_image()->set_image(image_);
  for (const char* word : {"sleep", "100000"}) config.add_command(word);
  if (!script.empty()) {
    config.clear_command();
    for (const char* word : {"sh", "-c"}) config.add_command(word);
    config.add_command(script);
  }
  if (!pod.log_directory.empty()) config.set_log_path(name + ".log");
  (*config.mutable_labels())[kLabel] = "";
  config.mutable_linux();
  v1::CreateContainerResponse response;
  const grpc::Status status = Call(&v1::RuntimeService::Stub::CreateContainer,
                                   request, &response, limits);
  *id = response.container_id();
  return status;
}

grpc::Status Client::StartContainer(const std::string& id, Limits limits) {
  v1::StartContainerRequest request;
  request.set_container_id(id);
  v1::StartContainerResponse response;
  return Call(&v1::RuntimeService::Stub::StartContainer, request, &response,
              limits);
}

grpc::Status Client::Exec(const std::string& id,
                          const std::vector<std::string>& command,
                          v1::ExecSyncResponse* response, Limits limits) {
  v1::ExecSyncRequest request;
  request.set_container_id(id);
  for (const std::string& word : command) request.add_cmd(word);
  return Call(&v1::RuntimeService::Stub::ExecSync, request, response, limits);
}

grpc::Status Client::ExecTrue(const std::string& id, Limits limits) {
  v1::ExecSyncResponse response;
  const grpc::Status status = Exec(id, {"true"}, &response, limits);
  if (status.ok() && response.exit_code() != 0) {
    return {grpc::StatusCode::INTERNAL, "true did not exit with 0"};
  }
  return status;
}

grpc::Status Client::PodStatus(const std::string& id, Limits limits,
                               v1::PodSandboxStatusResponse* response) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(id);
  request.set_verbose(response != nullptr);
  v1::PodSandboxStatusResponse unused;
  return Call(&v1::RuntimeService::Stub::PodSandboxStatus, request,
              response == nullptr ? &unused : response, limits);
}

grpc::Status Client::ContainerState(const std::string& id,
                                    v1::ContainerState* state, Limits limits) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  v1::ContainerStatusResponse response;
  const grpc::Status status = Call(&v1::RuntimeService::Stub::ContainerStatus,
                                   request, &response, limits);
  *state = response.status().state();
  return status;
}

grpc::Status Client::ContainerStatus(const std::string& id,
                                     v1::ContainerStatus* status) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  v1::ContainerStatusResponse response;
  const grpc::Status result = Call(&v1::RuntimeService::Stub::ContainerStatus,
                                   request, &response, Limits());
  *status = response.status();
  return result;
}

grpc::Status Client::ReopenLog(const std::string& id) {
  v1::ReopenContainerLogRequest request;
  request.set_container_id(id);
  v1::ReopenContainerLogResponse response;
  return Call(&v1::RuntimeService::Stub::ReopenContainerLog, request, &response,
              Limits());
}

grpc::Status Client::UpdateContainer(
    const std::string& id, const v1::LinuxContainerResources& limits) {
  v1::UpdateContainerResourcesRequest request;
  request.set_container_id(id);
  *request.mutable_linux() = limits;
  v1::UpdateContainerResourcesResponse response;
  return Call(&v1::RuntimeService::Stub::UpdateContainerResources, request,
              &response, Limits());
}

grpc::Status Client::UpdatePod(const std::string& id,
                               const v1::LinuxContainerResources& limits) {
  v1::UpdatePodSandboxResourcesRequest request;
  request.set_pod_sandbox_id(id);
  *request.mutable_resources() = limits;
  v1::UpdatePodSandboxResourcesResponse response;
  return Call(&v1::RuntimeService::Stub::UpdatePodSandboxResources, request,
              &response, Limits());
}

grpc::Status Client::Checkpoint(const std::string& id,
                                const std::string& location) {
  v1::CheckpointContainerRequest request;
  request.set_container_id(id);
  request.set_location(location);
  v1::CheckpointContainerResponse response;
  return Call(&v1::RuntimeService::Stub::CheckpointContainer, request,
              &response, Limits());
}

grpc::Status Client::SetPodCidr(const std::string& cidr) {
  v1::UpdateRuntimeConfigRequest request;
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(
      cidr);
  v1::UpdateRuntimeConfigResponse response;
  return Call(&v1::RuntimeService::Stub::UpdateRuntimeConfig, request,
              &response, Limits());
}

grpc::Status Client::StopContainer(const std::string& id, Limits limits) {
  v1::StopContainerRequest request;
  request.set_container_id(id);
  v1::StopContainerResponse response;
  return Call(&v1::RuntimeService::Stub::StopContainer, request, &response,
              limits);
}

grpc::Status Client::RemoveContainer(const std::string& id, Limits limits) {
  v1::RemoveContainerRequest request;
  request.set_container_id(id);
  v1::RemoveContainerResponse response;
  return Call(&v1::RuntimeService::Stub::RemoveContainer, request, &response,
              limits);
}

grpc::Status Client::StopPod(const std::string& id, Limits limits) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  v1::StopPodSandboxResponse response;
  return Call(&v1::RuntimeService::Stub::StopPodSandbox, request, &response,
              limits);
}

grpc::Status Client::RemovePod(const std::string& id, Limits limits) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  v1::RemovePodSandboxResponse response;
  return Call(&v1::RuntimeService::Stub::RemovePodSandbox, request, &response,
              limits);
}

grpc::Status Client::ListPods(std::vector<std::string>* ids) {
  v1::ListPodSandboxRequest request;
  (*request.mutable_filter()->mutable_label_selector())[kLabel] = "";
  v1::ListPodSandboxResponse response;
  const grpc::Status status = Call(&v1::RuntimeService::Stub::ListPodSandbox,
                                   request, &response, Limits());
  for (const auto& item : response.items()) ids->push_back(item.id());
  return status;
}

grpc::Status Client::ListContainers(std::vector<std::string>* ids,
                                    const std::string& pod_id) {
  v1::ListContainersRequest request;
  request.mutable_filter()->set_pod_sandbox_id(pod_id);
  (*request.mutable_filter()->mutable_label_selector())[kLabel] = "";
  v1::ListContainersResponse response;
  const grpc::Status status = Call(&v1::RuntimeService::Stub::ListContainers,
                                   request, &response, Limits());
  for (const auto& item : response.containers()) ids->push_back(item.id());
  return status;
}

grpc::Status Client::ExecUrl(const std::string& id, std::string* url) {
  v1::ExecRequest request;
  request.set_container_id(id);
  request.add_cmd("true");
  request.set_stdin(true);
  request.set_stdout(true);
  return AskUrl(&v1::RuntimeService::Stub::Exec, request, url);
}

grpc::Status Client::AttachUrl(const std::string& id, std::string* url) {
  v1::AttachRequest request;
  request.set_container_id(id);
  request.set_stdout(true);
  return AskUrl(&v1::RuntimeService::Stub::Attach, request, url);
}

grpc::Status Client::ForwardUrl(const std::string& pod_id, std::string* url) {
  v1::PortForwardRequest request;
  request.set_pod_sandbox_id(pod_id);
  return AskUrl(&v1::RuntimeService::Stub::PortForward, request, url);
}

grpc::Status Client::Pull(const std::string& image) {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image);
  v1::PullImageResponse response;
  return CallOn(*images_, &v1::ImageService::Stub::PullImage, request,
                &response, Limits());
}

grpc::Status Client::RemoveImage(const std::string& image) {
  v1::RemoveImageRequest request;
  request.mutable_image()->set_image(image);
  v1::RemoveImageResponse response;
  return CallOn(*images_, &v1::ImageService::Stub::RemoveImage, request,
                &response, Limits());
}

grpc::Status Client::HasImage(const std::string& image, bool* has) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  v1::ImageStatusResponse response;
  const grpc::Status status =
      CallOn(*images_, &v1::ImageService::Stub::ImageStatus, request, &response,
             Limits());
  *has = response.has_image();
  return status;
}

void Fail(const std::string& what, const grpc::Status& status) {
  fprintf(stderr, "%s: %d %s\n", what.c_str(),
          static_cast<int>(status.error_code()),
          status.error_message().c_str());
  // Other threads may be in the middle of calls.
  _exit(1);
}

}  // namespace tests::load
