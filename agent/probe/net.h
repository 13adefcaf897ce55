// SPDX-License-Identifier: Apache-2.0
// One HTTP request or TCP connect from the node to a pod: what network probes
// and HTTP hooks do. Blocks its thread for at most the timeout.
#ifndef CORACLE_AGENT_PROBE_NET_H_
#define CORACLE_AGENT_PROBE_NET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::probe {

// The number of `port`, which may be the name of a port of `container`.
absl::StatusOr<int> ResolvePort(const runtime::Json& port,
                                const runtime::Json& container);

// An httpGet action against `default_host` unless it names a host. OK for
// 200-399; ABORTED with kubelet's text for another code.
absl::Status HttpGet(const runtime::Json& action,
                     const runtime::Json& container,
                     const std::string& default_host, absl::Duration timeout);

// A tcpSocket action: OK if the connection opens.
absl::Status TcpConnect(const runtime::Json& action,
                        const runtime::Json& container,
                        const std::string& default_host,
                        absl::Duration timeout);

// A grpc action: grpc.health.v1.Health/Check, plaintext; OK if SERVING.
absl::Status GrpcCheck(const runtime::Json& action,
                       const std::string& default_host, absl::Duration timeout);

}  // namespace agent::probe

#endif  // CORACLE_AGENT_PROBE_NET_H_
