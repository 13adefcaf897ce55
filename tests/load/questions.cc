// SPDX-License-Identifier: Apache-2.0
#include "tests/load/questions.h"

#include <malloc.h>

#include "tests/load/ask.h"

namespace tests::load {
namespace {

using Runtime = v1::RuntimeService::Stub;
using Images = v1::ImageService::Stub;

template <typename Stub, typename Request, typename Response>
void Time(Stopwatch& watch, const std::string& what, Stub& stub,
          Method<Stub, Request, Response> method, const Request& request) {
  watch.Time(what, [&] {
    Response response;
    return Ask(stub, method, request, &response);
  });
}

template <typename Stub, typename Request, typename Response>
void TimeStream(Stopwatch& watch, const std::string& what, Stub& stub,
                StreamMethod<Stub, Request, Response> method,
                const Request& request) {
  watch.Time(what,
             [&] { return AskStream(stub, method, request, [](auto&) {}); });
}

// A request whose filter wants this ID.
template <typename Request>
Request ById(const std::string& id) {
  Request request;
  request.mutable_filter()->set_id(id);
  return request;
}

void AskOfPod(Client& client, const std::string& pod, Stopwatch& watch) {
  Runtime& stub = client.runtime();
  Time(watch, "ListPodSandbox by id", stub, &Runtime::ListPodSandbox,
       ById<v1::ListPodSandboxRequest>(pod));
  TimeStream(watch, "StreamPodSandboxes by id", stub,
             &Runtime::StreamPodSandboxes,
             ById<v1::StreamPodSandboxesRequest>(pod));
  v1::PodSandboxStatsRequest stats;
  stats.set_pod_sandbox_id(pod);
  Time(watch, "PodSandboxStats", stub, &Runtime::PodSandboxStats, stats);
  Time(watch, "ListPodSandboxStats by id", stub, &Runtime::ListPodSandboxStats,
       ById<v1::ListPodSandboxStatsRequest>(pod));
  TimeStream(watch, "StreamPodSandboxStats by id", stub,
             &Runtime::StreamPodSandboxStats,
             ById<v1::StreamPodSandboxStatsRequest>(pod));
  v1::LinuxContainerResources limits;
  limits.set_cpu_shares(200);
  watch.Time("UpdatePodSandboxResources",
             [&] { return client.UpdatePod(pod, limits); });
}

void AskOfContainer(Client& client, const std::string& pod,
                    const std::string& container, Stopwatch& watch) {
  Runtime& stub = client.runtime();
  Time(watch, "ListContainers by id", stub, &Runtime::ListContainers,
       ById<v1::ListContainersRequest>(container));
  TimeStream(watch, "StreamContainers by id", stub, &Runtime::StreamContainers,
             ById<v1::StreamContainersRequest>(container));
  v1::ContainerStatsRequest stats;
  stats.set_container_id(container);
  Time(watch, "ContainerStats", stub, &Runtime::ContainerStats, stats);
  Time(watch, "ListContainerStats by id", stub, &Runtime::ListContainerStats,
       ById<v1::ListContainerStatsRequest>(container));
  v1::ListContainerStatsRequest of_pod;
  of_pod.mutable_filter()->set_pod_sandbox_id(pod);
  Time(watch, "ListContainerStats of a pod", stub, &Runtime::ListContainerStats,
       of_pod);
  TimeStream(watch, "StreamContainerStats by id", stub,
             &Runtime::StreamContainerStats,
             ById<v1::StreamContainerStatsRequest>(container));
  v1::LinuxContainerResources limits;
  limits.set_cpu_shares(200);
  watch.Time("UpdateContainerResources",
             [&] { return client.UpdateContainer(container, limits); });
  watch.Time("ReopenContainerLog", [&] { return client.ReopenLog(container); });
}

}  // namespace

void AskOfOne(Client& client, const std::string& pod,
              const std::string& container, Stopwatch& watch) {
  AskOfPod(client, pod, watch);
  AskOfContainer(client, pod, container, watch);
}

void AskForStreams(Client& client, const std::string& pod,
                   const std::string& container, Stopwatch& watch) {
  std::string url;
  watch.Time("Exec", [&] { return client.ExecUrl(container, &url); });
  watch.Time("Attach", [&] { return client.AttachUrl(container, &url); });
  watch.Time("PortForward", [&] { return client.ForwardUrl(pod, &url); });
}

void AskOfAll(Client& client, Stopwatch& watch) {
  Runtime& stub = client.runtime();
  Time(watch, "Version", stub, &Runtime::Version, v1::VersionRequest());
  Time(watch, "Status", stub, &Runtime::Status, v1::StatusRequest());
  Time(watch, "RuntimeConfig", stub, &Runtime::RuntimeConfig,
       v1::RuntimeConfigRequest());
  Time(watch, "UpdateRuntimeConfig", stub, &Runtime::UpdateRuntimeConfig,
       v1::UpdateRuntimeConfigRequest());
  Time(watch, "ListMetricDescriptors", stub, &Runtime::ListMetricDescriptors,
       v1::ListMetricDescriptorsRequest());
  std::vector<std::string> pods;
  const grpc::Status listed = client.ListPods(&pods);
  if (!listed.ok()) Fail("ListPodSandbox", listed);
  const auto each = [&](const std::string& what, auto method,
                        const auto& request, auto response) {
    watch.TimeEach(what + " of all, by the pod", static_cast<int>(pods.size()),
                   [&] { return Ask(stub, method, request, &response); });
  };
  each("ListPodSandbox", &Runtime::ListPodSandbox, v1::ListPodSandboxRequest(),
       v1::ListPodSandboxResponse());
  each("ListContainers", &Runtime::ListContainers, v1::ListContainersRequest(),
       v1::ListContainersResponse());
  each("ListContainerStats", &Runtime::ListContainerStats,
       v1::ListContainerStatsRequest(), v1::ListContainerStatsResponse());
  each("ListPodSandboxStats", &Runtime::ListPodSandboxStats,
       v1::ListPodSandboxStatsRequest(), v1::ListPodSandboxStatsResponse());
  each("ListPodSandboxMetrics", &Runtime::ListPodSandboxMetrics,
       v1::ListPodSandboxMetricsRequest(), v1::ListPodSandboxMetricsResponse());
  watch.TimeEach("StreamPodSandboxMetrics of all, by the pod",
                 static_cast<int>(pods.size()), [&] {
                   return AskStream(stub, &Runtime::StreamPodSandboxMetrics,
                                    v1::StreamPodSandboxMetricsRequest(),
                                    [](auto&) {});
                 });
  malloc_trim(0);  // or the next call would wait for it in this process
}

void AskOfImages(Client& client, const std::string& image, Stopwatch& watch) {
  Images& stub = client.images();
  watch.Time("PullImage", [&] { return client.Pull(image); });
  watch.Time("PullImage of what is there", [&] { return client.Pull(image); });
  Time(watch, "ListImages", stub, &Images::ListImages, v1::ListImagesRequest());
  TimeStream(watch, "StreamImages", stub, &Images::StreamImages,
             v1::StreamImagesRequest());
  bool has = false;
  watch.Time("ImageStatus", [&] { return client.HasImage(image, &has); });
  if (!has) Fail("ImageStatus", {grpc::StatusCode::NOT_FOUND, image});
  Time(watch, "ImageFsInfo", stub, &Images::ImageFsInfo,
       v1::ImageFsInfoRequest());
  watch.Time("RemoveImage", [&] { return client.RemoveImage(image); });
}

}  // namespace tests::load
