// SPDX-License-Identifier: Apache-2.0
// One HTTP request, TCP connect or gRPC health check from the node to a pod:
// what network probes and HTTP hooks do. However many are under way, and
// however long their pods keep silent, one thread waits for all of them (one
// more for gRPC).
#ifndef CORACLE_AGENT_PROBE_NET_H_
#define CORACLE_AGENT_PROBE_NET_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/probe/transfer_loop.h"
#include "runtime/base/json.h"

namespace agent::cri {
class Calls;
}

namespace agent::probe {

// The number of `port`, which may be the name of a port of `container`.
absl::StatusOr<int> ResolvePort(const runtime::Json& port,
                                const runtime::Json& container);

// Thread safe. Each call returns at once; `done` runs exactly once, at the
// latest `timeout` after the call, on a thread that others wait for: it must
// not block. With INVALID_ARGUMENT it runs before the call returns.
class Net {
 public:
  using Done = std::function<void(absl::Status)>;

  Net();
  ~Net();
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  // An httpGet action against `default_host` unless it names a host. OK for
  // 200-399; ABORTED with kubelet's text for another code.
  void HttpGet(const runtime::Json& action, const runtime::Json& container,
               const std::string& default_host, absl::Duration timeout,
               Done done);

  // A tcpSocket action: OK if the connection opens.
  void TcpConnect(const runtime::Json& action, const runtime::Json& container,
                  const std::string& default_host, absl::Duration timeout,
                  Done done);

  // A grpc action: grpc.health.v1.Health/Check, plaintext; OK if SERVING.
  void GrpcCheck(const runtime::Json& action, const std::string& default_host,
                 absl::Duration timeout, Done done);

  // Ends what is under way with CANCELLED, waits for the callbacks, and answers
  // every later call with CANCELLED.
  void Stop();

 private:
  TransferLoop loop_;
  const std::unique_ptr<cri::Calls> health_;
};

}  // namespace agent::probe

#endif  // CORACLE_AGENT_PROBE_NET_H_
