// SPDX-License-Identifier: Apache-2.0
#include "cri/server/server.h"

#include <sys/stat.h>

#include <map>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ServerTest, VersionAndStatus) {
  v1::VersionResponse version;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::Version, v1::VersionRequest(), &version).ok());
  EXPECT_EQ(version.runtime_name(), "coracle");
  EXPECT_EQ(version.runtime_api_version(), "v1");
  v1::StatusResponse status;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::Status, v1::StatusRequest(), &status).ok());
  EXPECT_EQ(status.status().conditions_size(), 2);
  EXPECT_EQ(status.runtime_handlers(0).name(), "");
  EXPECT_EQ(status.info_size(), 0);
}

TEST_F(ServerTest, ImagesAreNotTakenForWritableLayers) {
  v1::ImageFsInfoResponse response;
  ASSERT_TRUE(Call(*image_service_, &Images::ImageFsInfo, {}, &response).ok());
  ASSERT_EQ(response.image_filesystems_size(), 1);
  EXPECT_EQ(response.image_filesystems(0).used_bytes().value(), 42u);
  EXPECT_GT(response.image_filesystems(0).timestamp(), 0);
  ASSERT_EQ(response.container_filesystems_size(), 1);
  const v1::FilesystemUsage& layers = response.container_filesystems(0);
  EXPECT_EQ(layers.fs_id().mountpoint(), "/fake");
  EXPECT_GT(layers.timestamp(), 0);
  EXPECT_FALSE(layers.has_used_bytes());
}

TEST_F(ServerTest, UnknownIdsAreNotFoundOrFine) {
  v1::PodSandboxStatusRequest status;
  status.set_pod_sandbox_id("ffff");
  v1::PodSandboxStatusResponse status_response;
  EXPECT_EQ(
      Call(*runtime_, &Runtime::PodSandboxStatus, status, &status_response)
          .error_code(),
      grpc::StatusCode::NOT_FOUND);
  v1::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id("ffff");
  v1::StopPodSandboxResponse stop_response;
  EXPECT_TRUE(
      Call(*runtime_, &Runtime::StopPodSandbox, stop, &stop_response).ok());
  v1::RemoveContainerRequest remove;
  remove.set_container_id("ffff");
  v1::RemoveContainerResponse remove_response;
  EXPECT_TRUE(
      Call(*runtime_, &Runtime::RemoveContainer, remove, &remove_response)
          .ok());
  v1::ImageStatusRequest image;
  image.mutable_image()->set_image("nope");
  v1::ImageStatusResponse image_response;
  EXPECT_TRUE(
      Call(*image_service_, &Images::ImageStatus, image, &image_response).ok());
  EXPECT_FALSE(image_response.has_image());
}

TEST_F(ServerTest, ContainersAreListedByTheirPodsIdOrItsBeginning) {
  const std::string pod = RunPod("one"), other = RunPod("two");
  const std::string own = CreateContainer(pod);
  const std::string others = CreateContainer(other);
  const auto list = [&](const std::string& id) {
    v1::ListContainersRequest request;
    request.mutable_filter()->set_pod_sandbox_id(id);
    v1::ListContainersResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::ListContainers, request, &response).ok());
    std::set<std::string> ids;
    for (const v1::Container& item : response.containers()) {
      ids.insert(item.id());
    }
    return ids;
  };
  EXPECT_EQ(list(pod), std::set<std::string>{own});
  EXPECT_EQ(list(pod.substr(0, 20)), std::set<std::string>{own});
  EXPECT_EQ(list(""), (std::set<std::string>{own, others}));
  EXPECT_EQ(list(std::string(64, 'f')), std::set<std::string>{});
}

TEST_F(ServerTest, EventsTellTheWholeStoryOfAPod) {
  grpc::ClientContext context;
  auto stream = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
  stream->WaitForInitialMetadata();
  std::string pod = RunPod();
  std::string container = CreateContainer(pod);
  ASSERT_TRUE(Start(container).ok());
  v1::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(pod.substr(0, 10));
  v1::RemovePodSandboxResponse removed;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::RemovePodSandbox, remove, &removed).ok());
  const std::vector<std::pair<std::string, int>> expected = {
      {pod, v1::CONTAINER_CREATED_EVENT},
      {pod, v1::CONTAINER_STARTED_EVENT},
      {container, v1::CONTAINER_CREATED_EVENT},
      {container, v1::CONTAINER_STARTED_EVENT},
      {container, v1::CONTAINER_STOPPED_EVENT},
      {pod, v1::CONTAINER_STOPPED_EVENT},
      {container, v1::CONTAINER_DELETED_EVENT},
      {pod, v1::CONTAINER_DELETED_EVENT}};
  for (const auto& [id, type] : expected) {
    v1::ContainerEventResponse event;
    ASSERT_TRUE(stream->Read(&event));
    EXPECT_EQ(event.container_id(), id);
    EXPECT_EQ(event.container_event_type(), type);
    EXPECT_EQ(event.pod_sandbox_status().id(), pod);
    EXPECT_GT(event.created_at(), 0);
  }
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// A reader that does not read: others get every event in order meanwhile, no
// call waits for it, and it is told that it missed some.
TEST_F(ServerTest, StalledReaderOfEventsHoldsNobodyUp) {
  constexpr int kPods = 1100;  // of four events each: more than is kept
  grpc::ClientContext stalled_context, quick_context;
  auto stalled =
      runtime_->GetContainerEvents(&stalled_context, v1::GetEventsRequest());
  auto quick =
      runtime_->GetContainerEvents(&quick_context, v1::GetEventsRequest());
  stalled->WaitForInitialMetadata();
  quick->WaitForInitialMetadata();
  std::set<std::string> pods;
  // Types by pod: news of one pod are in order, those of several may mix.
  std::map<std::string, std::vector<int>> got;
  std::thread reader([&] {
    v1::ContainerEventResponse event;
    for (int i = 0; i < 4 * kPods && quick->Read(&event); ++i) {
      EXPECT_GT(event.created_at(), 0);
      got[event.pod_sandbox_status().id()].push_back(
          event.container_event_type());
    }
  });
  for (int i = 0; i < kPods; ++i) {
    const std::string pod = RunPod();
    pods.insert(pod);
    v1::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(pod);
    v1::RemovePodSandboxResponse removed;
    ASSERT_TRUE(
        Call(*runtime_, &Runtime::RemovePodSandbox, remove, &removed).ok());
  }
  reader.join();
  EXPECT_EQ(got.size(), pods.size());
  for (const std::string& pod : pods) {
    ASSERT_THAT(got[pod], ElementsAre(0, 1, 2, 3));
  }
  std::vector<v1::ContainerEventResponse> late;
  EXPECT_EQ(ReadAll(*stalled, late).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LT(late.size(), size_t{4} * kPods);
  std::map<std::string, int> next;
  for (const v1::ContainerEventResponse& event : late) {
    EXPECT_EQ(event.container_event_type(), next[event.container_id()]++);
  }
  quick_context.TryCancel();
}

TEST_F(ServerTest, StopEndsEventStreamsAtOnce) {
  grpc::ClientContext context;
  auto stream = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
  stream->WaitForInitialMetadata();
  absl::Time begin = absl::Now();
  server_->Stop();
  v1::ContainerEventResponse event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
}

TEST_F(ServerTest, SandboxWhoseHolderDiesIsNotReady) {
  grpc::ClientContext context;
  auto stream = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
  stream->WaitForInitialMetadata();
  std::string pod = RunPod();
  handler_->Die(pod);
  v1::ContainerEventResponse event;
  for (int type : {v1::CONTAINER_CREATED_EVENT, v1::CONTAINER_STARTED_EVENT,
                   v1::CONTAINER_STOPPED_EVENT}) {
    ASSERT_TRUE(stream->Read(&event));
    EXPECT_EQ(event.container_id(), pod);
    EXPECT_EQ(event.container_event_type(), type);
  }
  EXPECT_EQ(event.pod_sandbox_status().state(), v1::SANDBOX_NOTREADY);
  EXPECT_NE(RunPod(), pod);
  context.TryCancel();
}

TEST_F(ServerTest, ExecOutputFitsIntoOneMessage) {
  std::string container = CreateContainer(RunPod());
  v1::ExecSyncRequest request;
  request.set_container_id(container);
  request.add_cmd("yes");
  v1::ExecSyncResponse response;
  EXPECT_EQ(
      Call(*runtime_, &Runtime::ExecSync, request, &response).error_code(),
      grpc::StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(Start(container).ok());
  grpc::Status status = Call(*runtime_, &Runtime::ExecSync, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.exit_code(), 3);
  EXPECT_EQ(response.stderr(), "problem");
  EXPECT_LT(response.ByteSizeLong(), size_t{16} << 20);
  EXPECT_GT(response.stdout().size(), size_t{15} << 20);
}

TEST_F(ServerTest, StatusIsToldWhileAllThreadsWaitForStops) {
  world_.dies_of_sigterm = false;
  const std::string pod = RunPod();
  std::vector<std::string> containers;
  std::vector<std::thread> stops;
  for (int i = 0; i < kThreads; ++i) {
    containers.push_back(CreateContainer(pod, "c" + std::to_string(i)));
    ASSERT_TRUE(Start(containers.back()).ok());
  }
  for (const std::string& container : containers) {
    stops.emplace_back(
        [this, container] { EXPECT_TRUE(StopPatiently(container).ok()); });
  }
  AwaitSignals(kThreads);
  v1::StatusResponse status;
  EXPECT_TRUE(
      Call(*runtime_, &Runtime::Status, v1::StatusRequest(), &status).ok());
  v1::ImageFsInfoResponse images;  // what crictl asks whenever it connects
  EXPECT_TRUE(Call(*image_service_, &Images::ImageFsInfo, {}, &images).ok());
  for (const std::string& container : containers) handler_->Exit(container, 0);
  for (std::thread& stop : stops) stop.join();
}

TEST_F(ServerTest, AStopThatWaitsEndsWithTheServer) {
  world_.dies_of_sigterm = false;
  const std::string container = CreateContainer(RunPod());
  ASSERT_TRUE(Start(container).ok());
  std::thread stop([&] {
    EXPECT_EQ(StopPatiently(container).error_code(),
              grpc::StatusCode::UNAVAILABLE);
  });
  AwaitSignals(1);
  server_->Stop();
  stop.join();
}

TEST_F(ServerTest, AnExecEndsWhenItsClientGivesUp) {
  const v1::ExecSyncRequest request = ExecOfSleep();
  v1::ExecSyncResponse response;
  grpc::ClientContext context;
  std::thread client([&] {
    world_.AwaitExecs(/*begun=*/1, /*cancelled=*/0);
    context.TryCancel();
  });
  EXPECT_EQ(runtime_->ExecSync(&context, request, &response).error_code(),
            grpc::StatusCode::CANCELLED);
  client.join();
  world_.AwaitExecs(1, 1);
}

TEST_F(ServerTest, AnExecEndsWithTheDeadlineOfItsCall) {
  const v1::ExecSyncRequest request = ExecOfSleep();
  v1::ExecSyncResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(1));
  EXPECT_EQ(runtime_->ExecSync(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  world_.AwaitExecs(1, 1);
}

TEST_F(ServerTest, ImageUserIsNumberOrName) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image("busybox:1");
  v1::ImageStatusResponse response;
  ASSERT_TRUE(
      Call(*image_service_, &Images::ImageStatus, request, &response).ok());
  EXPECT_EQ(response.image().uid().value(), 1000);
  EXPECT_EQ(response.image().username(), "");
}

TEST_F(ServerTest, PodCidrReachesTheNetworkAndEmptyIsIgnored) {
  v1::UpdateRuntimeConfigRequest request;
  v1::UpdateRuntimeConfigResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::UpdateRuntimeConfig, request, &response).ok());
  EXPECT_EQ(network_->Cidr(), "");
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(
      "10.1.0.0/24");
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::UpdateRuntimeConfig, request, &response).ok());
  EXPECT_EQ(network_->Cidr(), "10.1.0.0/24");
}

TEST_F(ServerTest, UnknownHandlerIsRefused) {
  v1::RunPodSandboxRequest request;
  request.set_runtime_handler("kata");
  v1::RunPodSandboxResponse response;
  grpc::Status status =
      Call(*runtime_, &Runtime::RunPodSandbox, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("kata"));
}

TEST(EngineTest, Cve2021_41103_DirectoriesAreMadeOursAlone) {
  tests::TempDir dir;
  tests::FakeHandler::World world;
  for (const char* name : {"root", "state"}) {
    ASSERT_TRUE(runtime::MakeDirs(dir / name, 0711).ok());
  }
  ServerOptions options;
  options.config.listen = "unix://" + (dir / "s.sock");
  options.config.root = dir / "root";
  options.config.state = dir / "state";
  options.images = std::make_unique<tests::FakeImages>();
  options.handler = std::make_unique<tests::FakeHandler>(&world);
  options.network = std::make_unique<tests::FakeNetwork>();
  auto server = Server::Start(std::move(options));
  ASSERT_TRUE(server.ok()) << server.status();
  for (const char* name :
       {"root", "state", "root/sandboxes", "root/containers"}) {
    struct stat info {};
    ASSERT_EQ(stat((dir / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0700u) << name;
  }
}

TEST_F(ServerTest, ServesItsSocketAndOnlyOnce) {
  auto channel = grpc::CreateChannel("unix://" + (dir_ / "s.sock"),
                                     grpc::InsecureChannelCredentials());
  auto stub = v1::RuntimeService::NewStub(channel);
  grpc::ClientContext context;
  v1::VersionResponse version;
  EXPECT_TRUE(stub->Version(&context, v1::VersionRequest(), &version).ok());
  ServerOptions second;
  second.config.listen = "unix://" + (dir_ / "s.sock");
  second.config.root = dir_ / "root2";
  second.config.state = dir_ / "state2";
  EXPECT_EQ(Server::Start(std::move(second)).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(ServerTest, StatusTellsWhyNoPodCanBeStarted) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.not_ready = absl::NotFoundError("stat /nope/coracle-oci: none");
  }
  v1::StatusResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &Runtime::Status, v1::StatusRequest(), &response).ok());
  const v1::RuntimeCondition& runtime = response.status().conditions(0);
  EXPECT_EQ(runtime.type(), "RuntimeReady");
  EXPECT_FALSE(runtime.status());
  EXPECT_EQ(runtime.reason(), "PodsCannotBeStarted");
  EXPECT_EQ(runtime.message(), "stat /nope/coracle-oci: none");
}

}  // namespace
}  // namespace cri::server
