// SPDX-License-Identifier: Apache-2.0
// The lists in pieces: each is what its List… namesake answers.
#include "cri/server/batches.h"
#include "cri/server/rpc.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

}  // namespace

CORACLE_STREAM_RPC(StreamPodSandboxes) {
  v1::ListPodSandboxRequest list;
  *list.mutable_filter() = request.filter();
  ASSIGN_OR_RETURN(v1::ListPodSandboxResponse all,
                   ListPodSandbox(context, list));
  return Batches(std::move(*all.mutable_items()),
                 &v1::StreamPodSandboxesResponse::mutable_pod_sandboxes);
}

CORACLE_STREAM_RPC(StreamContainers) {
  v1::ListContainersRequest list;
  *list.mutable_filter() = request.filter();
  ASSIGN_OR_RETURN(v1::ListContainersResponse all,
                   ListContainers(context, list));
  return Batches(std::move(*all.mutable_containers()),
                 &v1::StreamContainersResponse::mutable_containers);
}

CORACLE_STREAM_RPC(StreamContainerStats) {
  v1::ListContainerStatsRequest list;
  *list.mutable_filter() = request.filter();
  ASSIGN_OR_RETURN(v1::ListContainerStatsResponse all,
                   ListContainerStats(context, list));
  return Batches(std::move(*all.mutable_stats()),
                 &v1::StreamContainerStatsResponse::mutable_container_stats);
}

CORACLE_STREAM_RPC(StreamPodSandboxStats) {
  v1::ListPodSandboxStatsRequest list;
  *list.mutable_filter() = request.filter();
  ASSIGN_OR_RETURN(v1::ListPodSandboxStatsResponse all,
                   ListPodSandboxStats(context, list));
  return Batches(std::move(*all.mutable_stats()),
                 &v1::StreamPodSandboxStatsResponse::mutable_pod_sandbox_stats);
}

CORACLE_STREAM_RPC(StreamPodSandboxMetrics) {
  (void)request;
  ASSIGN_OR_RETURN(
      v1::ListPodSandboxMetricsResponse all,
      ListPodSandboxMetrics(context, v1::ListPodSandboxMetricsRequest()));
  return Batches(
      std::move(*all.mutable_pod_metrics()),
      &v1::StreamPodSandboxMetricsResponse::mutable_pod_sandbox_metrics);
}

CORACLE_STREAM_RPC(StreamImages) {
  v1::ListImagesRequest list;
  *list.mutable_filter() = request.filter();
  ASSIGN_OR_RETURN(v1::ListImagesResponse all, ListImages(context, list));
  return Batches(std::move(*all.mutable_images()),
                 &v1::StreamImagesResponse::mutable_images);
}

}  // namespace cri::server
