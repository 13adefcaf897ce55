// SPDX-License-Identifier: Apache-2.0
// Stats and metrics.
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

stats::Pod PodOf(const Engine& engine, sandbox::SandboxPtr sandbox) {
  stats::Pod pod;
  pod.containers = engine.containers->ListOf(*sandbox);
  pod.shared_cgroup = engine.sandboxes->SharesCgroup(*sandbox);
  pod.sandbox = std::move(sandbox);
  return pod;
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

CORACLE_LIST_RPC(ListContainerStats, ContainerStats) {
  Engine& engine = context.engine;
  const v1::ContainerStatsFilter& filter = request.filter();
  for (const container::ContainerPtr& container :
       engine.containers->ListFor(filter.id(), filter.pod_sandbox_id())) {
    if (Matches(*container, filter)) {
      add(engine.sampler->StatsOf(*container));
    }
  }
  return absl::OkStatus();
}

CORACLE_RPC(PodSandboxStats) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  v1::PodSandboxStatsResponse response;
  *response.mutable_stats() =
      engine.sampler->StatsOf(PodOf(engine, std::move(sandbox)));
  return response;
}

CORACLE_LIST_RPC(ListPodSandboxStats, PodSandboxStats) {
  Engine& engine = context.engine;
  for (sandbox::SandboxPtr& sandbox :
       engine.sandboxes->List(request.filter().id())) {
    if (Matches(*sandbox, request.filter())) {
      add(engine.sampler->StatsOf(PodOf(engine, std::move(sandbox))));
    }
  }
  return absl::OkStatus();
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

CORACLE_LIST_RPC(ListPodSandboxMetrics, PodSandboxMetrics) {
  (void)request;
  Engine& engine = context.engine;
  for (sandbox::SandboxPtr& sandbox : engine.sandboxes->List()) {
    add(engine.sampler->MetricsOf(PodOf(engine, std::move(sandbox))));
  }
  return absl::OkStatus();
}

}  // namespace cri::server
