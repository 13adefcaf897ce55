// SPDX-License-Identifier: Apache-2.0
// Stats, metrics and list streams through gRPC. The fakes have no cgroups, so
// what counts here is who is in an answer, not the numbers.
#include <set>

#include "gmock/gmock.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class StatsTest : public ServerTest {
 protected:
  StatsTest() {
    pod_a_ = RunPod("a");
    pod_b_ = RunPod("b");
    one_ = CreateContainer(pod_a_, "one");
    two_ = CreateContainer(pod_a_, "two");
    three_ = CreateContainer(pod_b_, "one");
  }

  std::set<std::string> Containers(const v1::ContainerStatsFilter& filter) {
    v1::ListContainerStatsRequest request;
    *request.mutable_filter() = filter;
    v1::ListContainerStatsResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::ListContainerStats, request, &response).ok());
    std::set<std::string> ids;
    for (const auto& stats : response.stats()) {
      EXPECT_GT(stats.cpu().timestamp(), 0);
      EXPECT_GT(stats.memory().timestamp(), 0);
      ids.insert(stats.attributes().id());
    }
    return ids;
  }

  std::string pod_a_, pod_b_, one_, two_, three_;
};

TEST_F(StatsTest, ContainerFiltersAreAnded) {
  v1::ContainerStatsFilter filter;
  EXPECT_THAT(Containers(filter), UnorderedElementsAre(one_, two_, three_));
  (*filter.mutable_label_selector())["name"] = "one";
  EXPECT_THAT(Containers(filter), UnorderedElementsAre(one_, three_));
  filter.set_pod_sandbox_id(pod_a_.substr(0, 20));
  EXPECT_THAT(Containers(filter), ElementsAre(one_));
  filter.set_id(two_);
  EXPECT_THAT(Containers(filter), SizeIs(0));
  filter.clear_label_selector();
  EXPECT_THAT(Containers(filter), ElementsAre(two_));
  filter.set_id("no such id");
  EXPECT_THAT(Containers(filter), SizeIs(0));
}

TEST_F(StatsTest, PodFiltersAreAnded) {
  v1::ListPodSandboxStatsRequest request;
  v1::ListPodSandboxStatsResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::ListPodSandboxStats, request, &response).ok());
  EXPECT_EQ(response.stats_size(), 2);
  (*request.mutable_filter()->mutable_label_selector())["pod"] = "a";
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::ListPodSandboxStats, request, &response).ok());
  ASSERT_EQ(response.stats_size(), 1);
  EXPECT_EQ(response.stats(0).attributes().id(), pod_a_);
  EXPECT_EQ(response.stats(0).attributes().metadata().uid(), "u");
  EXPECT_EQ(response.stats(0).linux().containers_size(), 2);
  request.mutable_filter()->set_id(pod_b_);
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::ListPodSandboxStats, request, &response).ok());
  EXPECT_EQ(response.stats_size(), 0);
}

TEST_F(StatsTest, OneByUniquePrefixOrNotFound) {
  v1::ContainerStatsRequest request;
  request.set_container_id(one_.substr(0, 30));
  v1::ContainerStatsResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::ContainerStats, request, &response).ok());
  EXPECT_EQ(response.stats().attributes().id(), one_);
  request.set_container_id("ffff-none");
  EXPECT_EQ(Call(*runtime_, &Runtime::ContainerStats, request, &response)
                .error_code(),
            grpc::StatusCode::NOT_FOUND);

  v1::PodSandboxStatsRequest pod;
  pod.set_pod_sandbox_id(pod_b_.substr(0, 30));
  v1::PodSandboxStatsResponse pod_response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::PodSandboxStats, pod, &pod_response).ok());
  EXPECT_EQ(pod_response.stats().attributes().id(), pod_b_);
  pod.set_pod_sandbox_id("ffff-none");
  EXPECT_EQ(Call(*runtime_, &Runtime::PodSandboxStats, pod, &pod_response)
                .error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(StatsTest, MetricsListEveryPod) {
  v1::ListMetricDescriptorsResponse descriptors;
  ASSERT_TRUE(Call(*runtime_, &Runtime::ListMetricDescriptors,
                   v1::ListMetricDescriptorsRequest(), &descriptors)
                  .ok());
  EXPECT_GE(descriptors.descriptors_size(), 45);
  v1::ListPodSandboxMetricsResponse metrics;
  ASSERT_TRUE(Call(*runtime_, &Runtime::ListPodSandboxMetrics,
                   v1::ListPodSandboxMetricsRequest(), &metrics)
                  .ok());
  EXPECT_EQ(metrics.pod_metrics_size(), 2);
}

TEST_F(StatsTest, StreamsHoldWhatListsHoldAndEndWell) {
  {
    grpc::ClientContext context;
    v1::StreamContainersRequest request;
    request.mutable_filter()->set_pod_sandbox_id(pod_a_);
    auto stream = runtime_->StreamContainers(&context, request);
    std::vector<v1::StreamContainersResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].containers_size(), 2);
  }
  {
    grpc::ClientContext context;
    v1::StreamPodSandboxesRequest request;
    (*request.mutable_filter()->mutable_label_selector())["pod"] = "b";
    auto stream = runtime_->StreamPodSandboxes(&context, request);
    std::vector<v1::StreamPodSandboxesResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    ASSERT_EQ(got[0].pod_sandboxes_size(), 1);
    EXPECT_EQ(got[0].pod_sandboxes(0).id(), pod_b_);
  }
  {
    grpc::ClientContext context;
    auto stream = runtime_->StreamContainerStats(
        &context, v1::StreamContainerStatsRequest());
    std::vector<v1::StreamContainerStatsResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].container_stats_size(), 3);
  }
  {
    grpc::ClientContext context;
    auto stream = runtime_->StreamPodSandboxStats(
        &context, v1::StreamPodSandboxStatsRequest());
    std::vector<v1::StreamPodSandboxStatsResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].pod_sandbox_stats_size(), 2);
  }
  {
    grpc::ClientContext context;
    auto stream = runtime_->StreamPodSandboxMetrics(
        &context, v1::StreamPodSandboxMetricsRequest());
    std::vector<v1::StreamPodSandboxMetricsResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].pod_sandbox_metrics_size(), 2);
  }
  {
    grpc::ClientContext context;
    auto stream =
        image_service_->StreamImages(&context, v1::StreamImagesRequest());
    std::vector<v1::StreamImagesResponse> got;
    EXPECT_TRUE(ReadAll(*stream, got).ok());
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].images(0).id(), "sha256:1");
  }
}

TEST_F(StatsTest, NothingToStreamIsNoMessage) {
  grpc::ClientContext context;
  v1::StreamContainersRequest request;
  request.mutable_filter()->set_id("none");
  auto stream = runtime_->StreamContainers(&context, request);
  std::vector<v1::StreamContainersResponse> got;
  EXPECT_TRUE(ReadAll(*stream, got).ok());
  EXPECT_THAT(got, SizeIs(0));
}

}  // namespace
}  // namespace cri::server
