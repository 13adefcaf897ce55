// SPDX-License-Identifier: Apache-2.0
// A CRI v1 client for load: blocking calls with a deadline and, if asked for, a
// cancellation in the middle of them. Works against any CRI server.
//
// Thread safety: a Client may be used by any number of threads.
#ifndef CORACLE_TESTS_LOAD_CLIENT_H_
#define CORACLE_TESTS_LOAD_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "proto/cri/v1/api.grpc.pb.h"

namespace tests::load {

namespace v1 = ::runtime::v1;

// How long a call may take, and when its client gives up before that.
struct Limits {
  absl::Duration timeout = absl::Seconds(120);
  absl::Duration cancel_after = absl::InfiniteDuration();
};

// Who a pod is. `uid` makes it another pod for the server.
struct PodName {
  std::string name, uid;
  int host_port = 0;          // led to port 80 of the pod; 0: none
  std::string log_directory;  // "": its containers have no logs
  // "": that of $CORACLE_TEST_RUNTIME_HANDLER, or else the server's default.
  std::string handler;
};

class Client {
 public:
  // Containers are made of `image`, which must be present already.
  Client(const std::string& socket, std::string image);

  // For calls that are not below.
  v1::RuntimeService::Stub& runtime() { return *stub_; }
  v1::ImageService::Stub& images() { return *images_; }

  grpc::Status RunPod(const PodName& pod, std::string* id, Limits limits = {});
  // One that sleeps, or runs `script` in a shell.
  grpc::Status CreateContainer(const PodName& pod, const std::string& pod_id,
                               const std::string& name, std::string* id,
                               Limits limits = {},
                               const std::string& script = "");
  grpc::Status StartContainer(const std::string& id, Limits limits = {});
  // Runs `true`; an exit code other than 0 is an error.
  grpc::Status ExecTrue(const std::string& id, Limits limits = {});
  grpc::Status Exec(const std::string& id,
                    const std::vector<std::string>& command,
                    v1::ExecSyncResponse* response, Limits limits = {});
  // Verbose, if `response` is asked for.
  grpc::Status PodStatus(const std::string& id, Limits limits = {},
                         v1::PodSandboxStatusResponse* response = nullptr);
  grpc::Status ContainerState(const std::string& id, v1::ContainerState* state,
                              Limits limits = {});
  grpc::Status ContainerStatus(const std::string& id,
                               v1::ContainerStatus* status);
  grpc::Status ReopenLog(const std::string& id);
  grpc::Status UpdateContainer(const std::string& id,
                               const v1::LinuxContainerResources& limits);
  grpc::Status UpdatePod(const std::string& id,
                         const v1::LinuxContainerResources& limits);
  grpc::Status Checkpoint(const std::string& id, const std::string& location);
  grpc::Status SetPodCidr(const std::string& cidr);
  // Without grace.
  grpc::Status StopContainer(const std::string& id, Limits limits = {});
  grpc::Status RemoveContainer(const std::string& id, Limits limits = {});
  grpc::Status StopPod(const std::string& id, Limits limits = {});
  grpc::Status RemovePod(const std::string& id, Limits limits = {});
  // The ids of this program's pods, and of the containers of one of them or,
  // without `pod_id`, of all.
  grpc::Status ListPods(std::vector<std::string>* ids);
  grpc::Status ListContainers(std::vector<std::string>* ids,
                              const std::string& pod_id = "");
  // URLs of the streaming server.
  grpc::Status ExecUrl(const std::string& id, std::string* url);
  grpc::Status AttachUrl(const std::string& id, std::string* url);
  grpc::Status ForwardUrl(const std::string& pod_id, std::string* url);
  grpc::Status Pull(const std::string& image);
  grpc::Status RemoveImage(const std::string& image);
  grpc::Status HasImage(const std::string& image, bool* has);

 private:
  v1::PodSandboxConfig Config(const PodName& pod) const;

  template <typename Stub, typename Request, typename Response>
  grpc::Status CallOn(Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                   const Request&, Response*),
                      const Request& request, Response* response,
                      Limits limits);
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::RuntimeService::Stub::*method)(
                        grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, Limits limits) {
    return CallOn(*stub_, method, request, response, limits);
  }

  // A call that is answered with a URL.
  template <typename Request, typename Response>
  grpc::Status AskUrl(grpc::Status (v1::RuntimeService::Stub::*method)(
                          grpc::ClientContext*, const Request&, Response*),
                      const Request& request, std::string* url) {
    Response response;
    const grpc::Status status = Call(method, request, &response, Limits());
    *url = response.url();
    return status;
  }

  const std::string image_;
  std::unique_ptr<v1::RuntimeService::Stub> stub_;
  std::unique_ptr<v1::ImageService::Stub> images_;
};

// Prints what failed and ends the program.
[[noreturn]] void Fail(const std::string& what, const grpc::Status& status);

}  // namespace tests::load

#endif  // CORACLE_TESTS_LOAD_CLIENT_H_
