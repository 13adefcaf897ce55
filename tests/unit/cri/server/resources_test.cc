// SPDX-License-Identifier: Apache-2.0
// UpdateContainerResources and UpdatePodSandboxResources through gRPC.
#include <sys/stat.h>

#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using ::testing::HasSubstr;

class ResourcesTest : public ServerTest {
 protected:
  ResourcesTest() {
    pod_ = RunPod();
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod_);
    request.mutable_config()->mutable_metadata()->set_name("c");
    request.mutable_config()->mutable_image()->set_image("busybox:1");
    v1::LinuxContainerResources& limits =
        *request.mutable_config()->mutable_linux()->mutable_resources();
    limits.set_cpu_shares(512);
    limits.set_memory_limit_in_bytes(100);
    limits.set_memory_swap_limit_in_bytes(150);
    limits.set_oom_score_adj(900);
    v1::CreateContainerResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::CreateContainer, request, &response).ok());
    id_ = response.container_id();
    EXPECT_TRUE(Start(id_).ok());
  }

  grpc::Status Update(const v1::LinuxContainerResources& change) {
    v1::UpdateContainerResourcesRequest request;
    request.set_container_id(id_.substr(0, 16));
    *request.mutable_linux() = change;
    v1::UpdateContainerResourcesResponse response;
    return Call(*runtime_, &Runtime::UpdateContainerResources, request,
                &response);
  }
  grpc::Status UpdateMemory(int64_t bytes) {
    v1::LinuxContainerResources change;
    change.set_memory_limit_in_bytes(bytes);
    return Update(change);
  }

  v1::LinuxContainerResources Now() {
    v1::ContainerStatusRequest request;
    request.set_container_id(id_);
    v1::ContainerStatusResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::ContainerStatus, request, &response).ok());
    return response.status().resources().linux();
  }

  std::string LastUpdate() {
    absl::MutexLock lock(&world_.mutex);
    return world_.updates.empty() ? "" : world_.updates.back().second;
  }

  // By a directory in the place of the record's temporary file.
  void ForbidRecords() {
    const std::string path = dir_ / ("root/containers/." + id_ + ".json.tmp");
    runtime::RemoveFile(path).IgnoreError();  // fails if it is forbidden yet
    EXPECT_TRUE(runtime::MakeDirs(path).ok());
  }

  std::string pod_, id_;
};

TEST_F(ResourcesTest, StatusShowsThemFromTheStart) {
  EXPECT_EQ(Now().cpu_shares(), 512);
  EXPECT_EQ(Now().memory_limit_in_bytes(), 100);
  EXPECT_EQ(Now().oom_score_adj(), 900);
}

TEST_F(ResourcesTest, OnlyWhatIsGivenChanges) {
  // crictl sends an oom_score_adj of 0 whatever the user wants.
  ASSERT_TRUE(UpdateMemory(200).ok());
  EXPECT_EQ(LastUpdate(), R"({"memory":{"limit":200,"swap":250}})");
  EXPECT_EQ(Now().memory_limit_in_bytes(), 200);
  EXPECT_EQ(Now().memory_swap_limit_in_bytes(), 250);
  EXPECT_EQ(Now().cpu_shares(), 512);
  EXPECT_EQ(Now().oom_score_adj(), 900);
}

TEST_F(ResourcesTest, SurvivesTheServer) {
  ASSERT_TRUE(UpdateMemory(200).ok());
  Restart();
  EXPECT_EQ(Now().memory_limit_in_bytes(), 200);
  EXPECT_EQ(Now().cpu_shares(), 512);
}

TEST_F(ResourcesTest, FailureOfTheHandlerChangesNothing) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.update_error = absl::FailedPreconditionError("in use");
  }
  EXPECT_EQ(UpdateMemory(50).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Now().memory_limit_in_bytes(), 100);
}

TEST_F(ResourcesTest, FieldsOfTheHandlerBecomeThoseOfTheRequest) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.update_error = absl::InvalidArgumentError(
        "update container: linux.resources.unified[\"memory.hihg\"]: no file");
  }
  v1::LinuxContainerResources change;
  (*change.mutable_unified())["memory.hihg"] = "1";
  grpc::Status status = Update(change);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("linux.unified[\"memory.hihg\"]: "));
}

TEST_F(ResourcesTest, RecordThatCannotBeWrittenKeepsTheLimits) {
  // Records are written one after another: that of the start is done by now.
  ASSERT_TRUE(UpdateMemory(100).ok());
  ForbidRecords();
  EXPECT_FALSE(UpdateMemory(200).ok());
  EXPECT_EQ(LastUpdate(), "{}");
  EXPECT_EQ(Now().memory_limit_in_bytes(), 100);
}

TEST_F(ResourcesTest, RecordThatCannotBeWrittenInTheEndTakesTheLimitsBack) {
  world_.during_update = [this] { ForbidRecords(); };
  EXPECT_FALSE(UpdateMemory(200).ok());
  EXPECT_EQ(LastUpdate(), R"({"memory":{"limit":100,"swap":150}})");
  EXPECT_EQ(Now().memory_limit_in_bytes(), 100);
}

TEST_F(ResourcesTest, ExitedContainersAreRefused) {
  handler_->Exit(id_, 0);
  grpc::Status status = UpdateMemory(200);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("has exited"));
  EXPECT_EQ(LastUpdate(), "");
}

TEST_F(ResourcesTest, ContradictionWithWhatIsInForceNamesTheField) {
  v1::LinuxContainerResources change;
  change.set_memory_swap_limit_in_bytes(99);
  grpc::Status status = Update(change);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("linux.memory_swap_limit_in_bytes"));
  EXPECT_EQ(LastUpdate(), "");
}

TEST_F(ResourcesTest, PodsLimitsAreKeptForThoseWhoLook) {
  v1::UpdatePodSandboxResourcesRequest request;
  request.set_pod_sandbox_id(pod_);
  request.mutable_resources()->set_cpu_shares(77);
  v1::UpdatePodSandboxResourcesResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::UpdatePodSandboxResources, request, &response)
          .ok());
  Restart();
  v1::PodSandboxStatusRequest status;
  status.set_pod_sandbox_id(pod_);
  status.set_verbose(true);
  v1::PodSandboxStatusResponse shown;
  ASSERT_TRUE(Call(*runtime_, &Runtime::PodSandboxStatus, status, &shown).ok());
  EXPECT_THAT(shown.info().at("info"), HasSubstr(R"("cpu_shares":"77")"));
  // The client wrote the pod's cgroup itself.
  EXPECT_EQ(LastUpdate(), "");
}

}  // namespace
}  // namespace cri::server
