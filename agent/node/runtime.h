// SPDX-License-Identifier: Apache-2.0
// What the node's status says of the container runtime, asked over CRI.
// Thread safe; calls block for one RPC.
#ifndef CORACLE_AGENT_NODE_RUNTIME_H_
#define CORACLE_AGENT_NODE_RUNTIME_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/node/object.h"

namespace grpc {
class ChannelInterface;
}

namespace agent::node {

class Runtime {
 public:
  explicit Runtime(std::shared_ptr<grpc::ChannelInterface> channel);
  ~Runtime();

  // Name, version and features. UNAVAILABLE while nobody serves the endpoint.
  absl::StatusOr<RuntimeInfo> Info();
  // Empty if the runtime does not answer; at most a minute old.
  std::vector<Image> Images() ABSL_LOCKS_EXCLUDED(mutex_);
  // "systemd" or "cgroupfs"; "" if the runtime does not say.
  absl::StatusOr<std::string> CgroupDriver();
  absl::Status SetPodCidr(const std::string& cidr);
  // The directory of the image store, "" if the runtime does not say.
  absl::StatusOr<std::string> ImageDirectory();

 private:
  struct Stubs;
  const std::unique_ptr<Stubs> stubs_;
  absl::Mutex mutex_;
  std::vector<Image> images_ ABSL_GUARDED_BY(mutex_);
  absl::Time images_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_RUNTIME_H_
