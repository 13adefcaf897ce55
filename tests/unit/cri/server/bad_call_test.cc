// SPDX-License-Identifier: Apache-2.0
// IDs, and the calls that are about no pod or container.
#include "tests/unit/cri/server/bad_input_fixture.h"

namespace cri::server {
namespace {

using BadCallTest = BadInputTest;

template <typename Request>
Request Id(const char* id) {
  Request request;
  if constexpr (requires { request.set_container_id(id); }) {
    request.set_container_id(id);
  } else {
    request.set_pod_sandbox_id(id);
  }
  return request;
}

TEST_F(BadCallTest, IdsAreNeitherEmptyNorUnknown) {
  // "" is a mistake everywhere, an unknown ID where something must be there.
  auto both = [&]<typename Request, typename Response>(
                  grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                                  const Request&, Response*),
                  const char* field, const char* noun) {
    Refuses(method, Id<Request>(""), kInvalid, field);
    Refuses(method, Id<Request>("ffff"), kNotFound, noun);
  };
  auto empty = [&]<typename Request, typename Response>(
                   grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                                   const Request&, Response*),
                   const char* field) {
    Refuses(method, Id<Request>(""), kInvalid, field);
    Response response;
    EXPECT_TRUE(Call(*runtime_, method, Id<Request>("ffff"), &response).ok());
  };
  both(&Runtime::PodSandboxStatus, "pod_sandbox_id: ", "sandbox");
  both(&Runtime::PodSandboxStats, "pod_sandbox_id: ", "sandbox");
  both(&Runtime::UpdatePodSandboxResources, "pod_sandbox_id: ", "sandbox");
  both(&Runtime::StartContainer, "container_id: ", "container");
  both(&Runtime::ContainerStatus, "container_id: ", "container");
  both(&Runtime::ContainerStats, "container_id: ", "container");
  both(&Runtime::UpdateContainerResources, "container_id: ", "container");
  both(&Runtime::ReopenContainerLog, "container_id: ", "container");
  both(&Runtime::CheckpointContainer, "container_id: ", "container");
  empty(&Runtime::StopPodSandbox, "pod_sandbox_id: ");
  empty(&Runtime::RemovePodSandbox, "pod_sandbox_id: ");
  empty(&Runtime::StopContainer, "container_id: ");
  empty(&Runtime::RemoveContainer, "container_id: ");
}

TEST_F(BadCallTest, ImagesNeedAName) {
  Refuses(&Images::PullImage, v1::PullImageRequest(), kInvalid, "image.image");
  Refuses(&Images::ImageStatus, v1::ImageStatusRequest(), kInvalid,
          "image.image");
  Refuses(&Images::RemoveImage, v1::RemoveImageRequest(), kInvalid,
          "image.image");
  v1::PullImageRequest pull;
  pull.mutable_image()->set_image("Bad Name");
  Refuses(&Images::PullImage, pull, kInvalid,
          "image.image: invalid image reference \"Bad Name\"");
  pull.mutable_image()->set_image("busybox:1");
  pull.mutable_image()->set_runtime_handler("kata");
  Refuses(&Images::PullImage, pull, kInvalid, "runtime_handler");
}

TEST_F(BadCallTest, PodCidrIsOne) {
  network_->cidr_error = absl::InvalidArgumentError("pod CIDR \"bad\"");
  v1::UpdateRuntimeConfigRequest update;
  update.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(
      "bad");
  Refuses(&Runtime::UpdateRuntimeConfig, update, kInvalid,
          "runtime_config.network_config.pod_cidr: pod CIDR \"bad\"");
  // Right, but not now.
  network_->cidr_error = absl::FailedPreconditionError("in use");
  Refuses(&Runtime::UpdateRuntimeConfig, update,
          StatusCode::FAILED_PRECONDITION, "in use");
}

}  // namespace
}  // namespace cri::server
