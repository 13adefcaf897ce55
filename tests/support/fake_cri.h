// SPDX-License-Identifier: Apache-2.0
// FakeCri is a CRI v1 server in memory: it keeps sandboxes and containers,
// sends events, and lets a test decide about exits and failures. In process,
// reached through channel().
#ifndef CORACLE_TESTS_SUPPORT_FAKE_CRI_H_
#define CORACLE_TESTS_SUPPORT_FAKE_CRI_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cri/v1/api.grpc.pb.h"

namespace tests {

namespace v1 = ::runtime::v1;

class FakeCri final : public v1::RuntimeService::Service {
 public:
  FakeCri();
  ~FakeCri() override;

  std::shared_ptr<grpc::Channel> channel();

  // What the test does to the world.
  void Exit(const std::string& container_name, int code);
  void AddImage(const std::string& name);
  // The name stands for another image from now on, whose user is `uid`.
  void MoveImage(const std::string& name, int64_t uid);
  // What the verbose Status says of pulls; until it is empty again they wait.
  void SetPulls(const std::string& json);
  // The next calls of `method` fail with this; OK ends it.
  void FailWith(const std::string& method, grpc::Status status);
  void SetEvents(bool on) { events_on_ = on; }
  // What Status says of the default handler; before the first call.
  void SetUserNamespaces(bool on) { user_namespaces_ = on; }
  // Exit code of every command from now on; nullopt: it hangs until its caller
  // gives up.
  void SetExec(std::optional<int> code);
  // All containers were started so much earlier.
  void Age(absl::Duration by);

  // What the test looks at. Waits until `ready` holds; false after 20 s.
  struct Container {
    v1::ContainerStatus status;
    v1::ContainerConfig config;
    std::string sandbox_id;
  };
  struct World {
    std::map<std::string, v1::PodSandboxStatus> sandboxes;
    std::map<std::string, v1::PodSandboxConfig> configs;
    std::map<std::string, Container> containers;
    std::vector<std::string> calls;  // "StopContainer c 30"
    std::vector<std::string> pulled;

    // Newest container of this name; null if none.
    const Container* Find(const std::string& name) const;
    int Running() const;
    bool Called(const std::string& call) const;
  };
  bool WaitFor(const std::function<bool(const World&)>& ready);
  World Look();

 private:
  class ImageService;
  using Context = grpc::ServerContext*;

  grpc::Status Version(Context, const v1::VersionRequest*,
                       v1::VersionResponse*) override;
  grpc::Status Status(Context, const v1::StatusRequest*,
                      v1::StatusResponse*) override;
  grpc::Status RunPodSandbox(Context, const v1::RunPodSandboxRequest*,
                             v1::RunPodSandboxResponse*) override;
  grpc::Status StopPodSandbox(Context, const v1::StopPodSandboxRequest*,
                              v1::StopPodSandboxResponse*) override;
  grpc::Status RemovePodSandbox(Context, const v1::RemovePodSandboxRequest*,
                                v1::RemovePodSandboxResponse*) override;
  grpc::Status PodSandboxStatus(Context, const v1::PodSandboxStatusRequest*,
                                v1::PodSandboxStatusResponse*) override;
  grpc::Status ListPodSandbox(Context, const v1::ListPodSandboxRequest*,
                              v1::ListPodSandboxResponse*) override;
  grpc::Status CreateContainer(Context, const v1::CreateContainerRequest*,
                               v1::CreateContainerResponse*) override;
  grpc::Status StartContainer(Context, const v1::StartContainerRequest*,
                              v1::StartContainerResponse*) override;
  grpc::Status StopContainer(Context, const v1::StopContainerRequest*,
                             v1::StopContainerResponse*) override;
  grpc::Status RemoveContainer(Context, const v1::RemoveContainerRequest*,
                               v1::RemoveContainerResponse*) override;
  grpc::Status ListContainers(Context, const v1::ListContainersRequest*,
                              v1::ListContainersResponse*) override;
  grpc::Status ContainerStatus(Context, const v1::ContainerStatusRequest*,
                               v1::ContainerStatusResponse*) override;
  grpc::Status ExecSync(Context, const v1::ExecSyncRequest*,
                        v1::ExecSyncResponse*) override;
  grpc::Status GetContainerEvents(
      Context, const v1::GetEventsRequest*,
      grpc::ServerWriter<v1::ContainerEventResponse>* writer) override;

  grpc::Status Enter(const std::string& method, const std::string& detail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(Container& container, int code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Emit(const Container& container, v1::ContainerEventType type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  World world_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Image> images_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, grpc::Status> failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ContainerEventResponse> events_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::string pulls_ ABSL_GUARDED_BY(mutex_);
  std::optional<int> exec_ ABSL_GUARDED_BY(mutex_) = 0;
  bool events_on_ = true;
  bool user_namespaces_ = true;
  std::unique_ptr<ImageService> image_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_FAKE_CRI_H_
