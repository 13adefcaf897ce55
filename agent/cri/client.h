// SPDX-License-Identifier: Apache-2.0
// Client is the agent's typed view of a CRI v1 endpoint: ours in process, ours
// over a socket, or containerd's. Every call has a deadline; a failed one
// becomes an absl::Status with the same code and the server's own message.
//
// Thread safe. Calls with a `done` return at once; `done` runs exactly once, on
// the thread of this object that waits for answers, and must not block. Calls
// without one block their thread.
#ifndef CORACLE_AGENT_CRI_CLIENT_H_
#define CORACLE_AGENT_CRI_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/cri/calls.h"
#include "agent/cri/pull_progress.h"
#include "proto/cri/v1/api.grpc.pb.h"

namespace agent::cri {

namespace v1 = ::runtime::v1;

template <typename Response>
using Done = std::function<void(absl::StatusOr<Response>)>;
using DoneStatus = std::function<void(absl::Status)>;

// gRPC status → absl::Status, code and message kept.
absl::Status FromGrpc(const grpc::Status& status);

class Client {
 public:
  explicit Client(std::shared_ptr<grpc::ChannelInterface> channel);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Cancels what is under way, waits for the callbacks, and answers every later
  // call with CANCELLED.
  void Shutdown() { calls_.Shutdown(); }

  absl::StatusOr<v1::VersionResponse> Version();
  absl::StatusOr<v1::StatusResponse> Status();
  // The pulls under way; UNIMPLEMENTED if the runtime does not tell. Soon gives
  // up: nothing depends on it.
  absl::StatusOr<std::vector<PullProgress>> Pulls();
  absl::Status ReopenContainerLog(const std::string& id);
  absl::Status UpdateRuntimeConfig(const std::string& pod_cidr);
  absl::StatusOr<v1::ListPodSandboxResponse> ListPodSandbox();
  absl::StatusOr<v1::ListContainersResponse> ListContainers();
  absl::StatusOr<v1::ListPodSandboxStatsResponse> ListPodSandboxStats();
  absl::StatusOr<v1::PodSandboxStatus> PodSandboxStatus(const std::string& id);
  absl::StatusOr<v1::ContainerStatus> ContainerStatus(const std::string& id);

  void RunPodSandbox(v1::RunPodSandboxRequest request,
                     Done<v1::RunPodSandboxResponse> done);
  void PodSandboxStatus(const std::string& id, Done<v1::PodSandboxStatus> done);
  void StopPodSandbox(const std::string& id, DoneStatus done);
  void RemovePodSandbox(const std::string& id, DoneStatus done);
  void CreateContainer(v1::CreateContainerRequest request,
                       Done<v1::CreateContainerResponse> done);
  void StartContainer(const std::string& id, DoneStatus done);
  // The deadline is `grace` and a margin.
  void StopContainer(const std::string& id, absl::Duration grace,
                     DoneStatus done);
  void RemoveContainer(const std::string& id, DoneStatus done);
  void ContainerStatus(const std::string& id, Done<v1::ContainerStatus> done);
  // All sandboxes and containers that carry this pod UID.
  void ListPod(const std::string& pod_uid,
               Done<v1::ListPodSandboxResponse> sandboxes,
               Done<v1::ListContainersResponse> containers);
  // A timed-out command is DEADLINE_EXCEEDED; `timeout` zero means no limit.
  void ExecSync(const std::string& id, const std::vector<std::string>& command,
                absl::Duration timeout, Done<v1::ExecSyncResponse> done);

  // NOT_FOUND if the image is not there.
  void ImageStatus(const v1::ImageSpec& image, Done<v1::Image> done);
  void PullImage(v1::PullImageRequest request,
                 Done<v1::PullImageResponse> done);

  v1::RuntimeService::Stub& runtime() { return *runtime_; }

 private:
  template <typename Stub, typename Request, typename Response>
  void Start(Stub* stub,
             std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (
                 Stub::*prepare)(grpc::ClientContext*, const Request&,
                                 grpc::CompletionQueue*),
             const Request& request, absl::Duration timeout,
             Done<Response> done);

  const std::unique_ptr<v1::RuntimeService::Stub> runtime_;
  const std::unique_ptr<v1::ImageService::Stub> image_;
  Calls calls_{"cri-client"};
};

}  // namespace agent::cri

#endif  // CORACLE_AGENT_CRI_CLIENT_H_
