// SPDX-License-Identifier: Apache-2.0
// The plain HTTP answer on port 10248 that supervisors and kubeadm ask for:
// GET /healthz gives 200 "ok", or 500 with the reason. One thread, one
// connection at a time, each cut off after a second.
#ifndef CORACLE_AGENT_NODE_HEALTHZ_H_
#define CORACLE_AGENT_NODE_HEALTHZ_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace agent::node {

class Healthz {
 public:
  using Check = std::function<absl::Status()>;

  // `address` is an IP; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<Healthz>> Listen(
      const std::string& address, int port, Check check);
  ~Healthz();

  int port() const { return port_; }

 private:
  Healthz() = default;
  void Serve();
  void Answer(int fd);

  runtime::UniqueFd listener_, wake_;
  int port_ = 0;
  Check check_;
  std::thread thread_;
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_HEALTHZ_H_
