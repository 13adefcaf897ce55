// SPDX-License-Identifier: Apache-2.0
// Stats and metrics.
#include <map>

#include "absl/strings/match.h"
#include "cri/server/rpc.h"
#include "cri/stats/metrics.h"
#include "cri/stats/sampler.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

bool Matches(const container::Container& container,
             const v1::ContainerStatsFilter& filter) {
  return absl::StartsWith(container.id, filter.id()) &&
         absl::StartsWith(container.sandbox->id, filter.pod_sandbox_id()) &&
         sandbox::HasLabels(container.config.labels(), filter.label_selector());
}

bool Matches(const sandbox::Sandbox& sandbox,
             const v1::PodSandboxStatsFilter& filter) {
  return absl::StartsWith(sandbox.id, filter.id()) &&
         sandbox::HasLabels(sandbox.config.labels(), filter.label_selector());
}

// All pods with their containers. A kubelet gives each pod a cgroup of its own;
// pods of other clients may share one.
std::vector<stats::Pod> Pods(const Engine& engine) {
  std::map<std::string, stats::Pod> pods;
  std::map<std::string, int> users;
  for (sandbox::SandboxPtr& sandbox : engine.sandboxes->List()) {
    if (sandbox->IsReady()) ++users[sandbox->cgroup_parent];
    std::string id = sandbox->id;
    pods[id].sandbox = std::move(sandbox);
  }
  for (container::ContainerPtr& container : engine.containers->List()) {
    auto it = pods.find(container->sandbox->id);
    if (it != pods.end()) it->second.containers.push_back(std::move(container));
  }
  std::vector<stats::Pod> result;
  for (auto& [id, pod] : pods) {
    const std::string& parent = pod.sandbox->cgroup_parent;
    pod.shared_cgroup = parent == sandbox::kDefaultCgroupParent ||
                        pod.sandbox->slice == sandbox::kDefaultSlice ||
                        users[parent] > 1;
    result.push_back(std::move(pod));
  }
  return result;
}

}  // namespace

CORACLE_RPC(ContainerStats) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  v1::ContainerStatsResponse response;
  *response.mutable_stats() = engine.sampler->StatsOf(*container);
  return response;
}

CORACLE_RPC(ListContainerStats) {
  Engine& engine = context.engine;
  v1::ListContainerStatsResponse response;
  for (const container::ContainerPtr& container :
       engine.containers->ListFor(request.filter().pod_sandbox_id())) {
    if (Matches(*container, request.filter())) {
      *response.add_stats() = engine.sampler->StatsOf(*container);
    }
  }
  return response;
}

CORACLE_RPC(PodSandboxStats) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  v1::PodSandboxStatsResponse response;
  for (const stats::Pod& pod : Pods(engine)) {
    if (pod.sandbox == sandbox) {
      *response.mutable_stats() = engine.sampler->StatsOf(pod);
      return response;
    }
  }
  return absl::NotFoundError("the sandbox was removed meanwhile");
}

CORACLE_RPC(ListPodSandboxStats) {
  Engine& engine = context.engine;
  v1::ListPodSandboxStatsResponse response;
  for (const stats::Pod& pod : Pods(engine)) {
    if (Matches(*pod.sandbox, request.filter())) {
      *response.add_stats() = engine.sampler->StatsOf(pod);
    }
  }
  return response;
}

CORACLE_RPC(ListMetricDescriptors) {
  (void)request;
  v1::ListMetricDescriptorsResponse response;
  for (v1::MetricDescriptor& descriptor :
       stats::Descriptors(context.engine.sampler->HasPressure())) {
    *response.add_descriptors() = std::move(descriptor);
  }
  return response;
}

CORACLE_RPC(ListPodSandboxMetrics) {
  (void)request;
  v1::ListPodSandboxMetricsResponse response;
  for (const stats::Pod& pod : Pods(context.engine)) {
    *response.add_pod_metrics() = context.engine.sampler->MetricsOf(pod);
  }
  return response;
}

}  // namespace cri::server
