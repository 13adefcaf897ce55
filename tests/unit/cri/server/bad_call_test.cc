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
  both(&Runtime::PortForward, "pod_sandbox_id: ", "sandbox");
  // Of the others what is asked for must be right, too.
  auto exec = [](const char* id) {
    auto request = Id<v1::ExecRequest>(id);
    request.add_cmd("true");
    request.set_stdout(true);
    return request;
  };
  Refuses(&Runtime::Exec, exec(""), kInvalid, "container_id: ");
  Refuses(&Runtime::Exec, exec("ffff"), kNotFound, "container");
  auto exec_sync = [](const char* id) {
    auto request = Id<v1::ExecSyncRequest>(id);
    request.add_cmd("true");
    return request;
  };
  Refuses(&Runtime::ExecSync, exec_sync(""), kInvalid, "container_id: ");
  Refuses(&Runtime::ExecSync, exec_sync("ffff"), kNotFound, "container");
  auto attach = [](const char* id) {
    auto request = Id<v1::AttachRequest>(id);
    request.set_stdout(true);
    return request;
  };
  Refuses(&Runtime::Attach, attach(""), kInvalid, "container_id: ");
  Refuses(&Runtime::Attach, attach("ffff"), kNotFound, "container");
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

TEST_F(BadCallTest, LoginsArePlainText) {
  v1::PullImageRequest good;
  good.mutable_image()->set_image("busybox:1");
  const Spoiled<v1::AuthConfig> kRows[] = {
      {"auth.username: ",
       [](v1::AuthConfig& auth) { auth.set_username("a\nb"); }},
      {"auth.password: ",
       [](v1::AuthConfig& auth) { auth.set_password("a\x1b"); }},
      {"auth.auth: is not base64",
       [](v1::AuthConfig& auth) { auth.set_auth("*"); }},
      {"auth.auth: is not base64 of user:password",
       [](v1::AuthConfig& auth) { auth.set_auth("dXNlcg=="); }},
      {"auth.auth: has a control character",  // "a\nb:c"
       [](v1::AuthConfig& auth) { auth.set_auth("YQpiOmM="); }},
      {"auth.identity_token: ",
       [](v1::AuthConfig& auth) { auth.set_identity_token("a\r\nX: y"); }},
      {"auth.registry_token: ",
       [](v1::AuthConfig& auth) { auth.set_registry_token("a\r\nX: y"); }},
  };
  for (const auto& row : kRows) {
    v1::PullImageRequest request = good;
    row.spoil(*request.mutable_auth());
    Refuses(&Images::PullImage, request, row.code, row.field);
  }
  // A key file; and Docker's padding.
  v1::PullImageRequest key_file = good, padded = good;
  key_file.mutable_auth()->set_username("_json_key");
  key_file.mutable_auth()->set_password("{\n\t\"type\": \"x\"\r\n}");
  padded.mutable_auth()->set_auth("dXNlcjpwYXNzd29yZAA=");
  for (const v1::PullImageRequest& request : {key_file, padded}) {
    v1::PullImageResponse response;
    const grpc::Status status =
        Call(*image_service_, &Images::PullImage, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
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
