// SPDX-License-Identifier: Apache-2.0
// What no client should send: requests that are good but for one thing, and how
// the server's refusal is looked at.
#ifndef CORACLE_TESTS_UNIT_CRI_SERVER_BAD_INPUT_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_SERVER_BAD_INPUT_FIXTURE_H_

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {

using grpc::StatusCode;

inline constexpr StatusCode kInvalid = StatusCode::INVALID_ARGUMENT;
inline constexpr StatusCode kNotFound = StatusCode::NOT_FOUND;

// Enums are open on the wire: a number that this version does not know.
inline constexpr int kNoSuchEnum = 77;

// One way to spoil a config that is good: what the refusal is, and names.
template <typename Config>
struct Spoiled {
  const char* field;
  std::function<void(Config&)> spoil;
  StatusCode code = kInvalid;
};

// Of a config of a sandbox or of a container.
template <typename Config>
auto& Security(Config& config) {
  return *config.mutable_linux()->mutable_security_context();
}

class BadInputTest : public ServerTest {
 protected:
  static v1::RunPodSandboxRequest GoodPod() {
    v1::RunPodSandboxRequest request;
    v1::PodSandboxMetadata& metadata =
        *request.mutable_config()->mutable_metadata();
    metadata.set_name("p");
    metadata.set_uid("u");
    metadata.set_namespace_("n");
    return request;
  }
  static v1::CreateContainerRequest GoodContainer(const std::string& pod) {
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    request.mutable_config()->mutable_metadata()->set_name("c");
    request.mutable_config()->mutable_image()->set_image("busybox:1");
    return request;
  }

  grpc::Status Run(const v1::RunPodSandboxRequest& request, std::string* id) {
    v1::RunPodSandboxResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::RunPodSandbox, request, &response);
    *id = response.pod_sandbox_id();
    return status;
  }
  grpc::Status Create(const v1::CreateContainerRequest& request,
                      std::string* id) {
    v1::CreateContainerResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::CreateContainer, request, &response);
    *id = response.container_id();
    return status;
  }
  void RemovePod(const std::string& id) {
    v1::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    v1::RemovePodSandboxResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::RemovePodSandbox, request, &response).ok());
  }

  // The call is refused with `code`, and names `field`.
  template <typename Request, typename Response>
  void Refuses(grpc::Status (Images::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
               const Request& request, StatusCode code, const char* field) {
    Response response;
    grpc::Status status = Call(*image_service_, method, request, &response);
    ExpectRefused(request, status, code, field);
  }
  template <typename Request, typename Response>
  void Refuses(grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
               const Request& request, StatusCode code, const char* field) {
    Response response;
    grpc::Status status = Call(*runtime_, method, request, &response);
    ExpectRefused(request, status, code, field);
  }
  static void ExpectRefused(const google::protobuf::Message& request,
                            const grpc::Status& status, StatusCode code,
                            const char* field) {
    EXPECT_EQ(status.error_code(), code)
        << request.GetTypeName() << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr(field))
        << request.GetTypeName();
  }
};

}  // namespace cri::server

#endif  // CORACLE_TESTS_UNIT_CRI_SERVER_BAD_INPUT_FIXTURE_H_
