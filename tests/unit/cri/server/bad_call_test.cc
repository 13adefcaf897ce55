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
                  const char* noun) {
    Refuses(method, Id<Request>(""), kInvalid, noun);
    Refuses(method, Id<Request>("ffff"), kNotFound, noun);
  };
  auto empty = [&]<typename Request, typename Response>(
                   grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                                   const Request&, Response*),
                   const char* noun) {
    Refuses(method, Id<Request>(""), kInvalid, noun);
    Response response;
    EXPECT_TRUE(Call(*runtime_, method, Id<Request>("ffff"), &response).ok());
  };
  both(&Runtime::PodSandboxStatus, "sandbox");
  both(&Runtime::PodSandboxStats, "sandbox");
  both(&Runtime::UpdatePodSandboxResources, "sandbox");
  both(&Runtime::StartContainer, "container");
  both(&Runtime::ContainerStatus, "container");
  both(&Runtime::ContainerStats, "container");
  both(&Runtime::UpdateContainerResources, "container");
  both(&Runtime::ReopenContainerLog, "container");
  both(&Runtime::CheckpointContainer, "container");
  empty(&Runtime::StopPodSandbox, "sandbox");
  empty(&Runtime::RemovePodSandbox, "sandbox");
  empty(&Runtime::StopContainer, "container");
  empty(&Runtime::RemoveContainer, "container");
}

TEST_F(BadCallTest, ImagesNeedAName) {
  Refuses(&Images::PullImage, v1::PullImageRequest(), kInvalid, "image.image");
  Refuses(&Images::ImageStatus, v1::ImageStatusRequest(), kInvalid,
          "image.image");
  Refuses(&Images::RemoveImage, v1::RemoveImageRequest(), kInvalid,
          "image.image");
  v1::PullImageRequest pull;
  pull.mutable_image()->set_image("busybox:1");
  pull.mutable_image()->set_runtime_handler("kata");
  Refuses(&Images::PullImage, pull, kInvalid, "runtime_handler");
}

}  // namespace
}  // namespace cri::server
