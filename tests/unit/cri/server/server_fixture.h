// SPDX-License-Identifier: Apache-2.0
// The whole server over fakes, and how to ask it through gRPC.
#ifndef CORACLE_TESTS_UNIT_CRI_SERVER_SERVER_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_SERVER_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "cri/server/server.h"
#include "gtest/gtest.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "tests/support/fake_cri_rooms.h"
#include "tests/support/fake_handler.h"
#include "tests/support/temp_dir.h"

namespace cri::server {

namespace v1 = ::runtime::v1;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { StartServer(); }

  // Ends the server as a crash does, as far as disk and pods go.
  void Restart() {
    runtime_.reset();
    image_service_.reset();
    channel_.reset();
    server_.reset();
    StartServer();
  }

  void StartServer() {
    ServerOptions options;
    options.config.listen = "unix://" + (dir_ / "s.sock");
    options.config.root = dir_ / "root";
    options.config.state = dir_ / "state";
    options.config.max_threads = kThreads;
    auto images = std::make_unique<tests::FakeImages>();
    image::Image image;
    image.id = "sha256:1";
    image.repo_tags = {"busybox:1"};
    image.cmd = {"sh"};
    image.user = "1000:50";
    images->Add(image);
    images_ = images.get();
    options.images = std::move(images);
    auto handler = std::make_unique<tests::FakeHandler>(&world_);
    handler_ = handler.get();
    options.handler = std::move(handler);
    auto network = std::make_unique<tests::FakeNetwork>();
    network->teardown_error = teardown_error_;
    network_ = network.get();
    options.network = std::move(network);
    auto server = Server::Start(std::move(options));
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    channel_ = server_->InProcessChannel();
    runtime_ = v1::RuntimeService::NewStub(channel_);
    image_service_ = v1::ImageService::NewStub(channel_);
  }

  // One unary call.
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    return (stub.*method)(&context, request, response);
  }

  // All messages of a stream, and how it ends.
  template <typename Stream, typename Message>
  grpc::Status ReadAll(Stream& stream, std::vector<Message>& messages) {
    Message message;
    while (stream.Read(&message)) messages.push_back(message);
    return stream.Finish();
  }

  std::string RunPod(const std::string& name = "p") {
    v1::RunPodSandboxRequest request;
    v1::PodSandboxMetadata& metadata =
        *request.mutable_config()->mutable_metadata();
    metadata.set_name(name);
    metadata.set_uid("u");
    metadata.set_namespace_("n");
    (*request.mutable_config()->mutable_labels())["pod"] = name;
    v1::RunPodSandboxResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::RunPodSandbox, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.pod_sandbox_id();
  }

  std::string CreateContainer(const std::string& pod,
                              const std::string& name = "c") {
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    request.mutable_config()->mutable_metadata()->set_name(name);
    (*request.mutable_config()->mutable_labels())["name"] = name;
    request.mutable_config()->mutable_image()->set_image("busybox:1");
    v1::CreateContainerResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::CreateContainer, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.container_id();
  }

  // With a grace period of an hour, and no deadline.
  grpc::Status StopPatiently(const std::string& id) {
    v1::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(3600);
    grpc::ClientContext context;
    v1::StopContainerResponse response;
    return runtime_->StopContainer(&context, request, &response);
  }

  void AwaitSignals(size_t count) {
    auto all = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(world_.mutex) {
      return world_.signals.size() == count;
    };
    absl::MutexLock lock(&world_.mutex);
    EXPECT_TRUE(world_.mutex.AwaitWithTimeout(absl::Condition(&all),
                                              absl::Seconds(20)));
  }

  grpc::Status Start(const std::string& id) {
    v1::StartContainerRequest request;
    request.set_container_id(id);
    v1::StartContainerResponse response;
    return Call(*runtime_, &Runtime::StartContainer, request, &response);
  }

  // Of a command that ends only with its call, in a container that runs.
  v1::ExecSyncRequest ExecOfSleep() {
    v1::ExecSyncRequest request;
    request.set_container_id(CreateContainer(RunPod()));
    EXPECT_TRUE(Start(request.container_id()).ok());
    request.add_cmd("sleep");
    return request;
  }

  static constexpr int kThreads = 4;  // as few as can be configured

  using Runtime = v1::RuntimeService::StubInterface;
  using Images = v1::ImageService::StubInterface;

  absl::Status teardown_error_;  // of the network, from the start on
  tests::TempDir dir_;
  tests::FakeHandler::World world_;
  tests::FakeHandler* handler_ = nullptr;
  tests::FakeImages* images_ = nullptr;
  tests::FakeNetwork* network_ = nullptr;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Images> image_service_;
};

}  // namespace cri::server

#endif  // CORACLE_TESTS_UNIT_CRI_SERVER_SERVER_FIXTURE_H_
