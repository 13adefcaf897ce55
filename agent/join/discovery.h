// SPDX-License-Identifier: Apache-2.0
// Finding a cluster and its CA with a bootstrap token, as kubeadm does: no
// trust in the network, only in the token and the pinned CA key.
#ifndef CORACLE_AGENT_JOIN_DISCOVERY_H_
#define CORACLE_AGENT_JOIN_DISCOVERY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/join/token.h"
#include "runtime/base/json.h"

namespace agent::join {

struct DiscoveryOptions {
  std::string endpoint;  // "HOST:PORT"
  BootstrapToken token;
  std::vector<std::string> pins;  // "sha256:<hex>"; empty only if skipped
};

struct Cluster {
  std::string server;  // the API server's URL as the cluster names it
  std::string ca_pem;
};

// "HOST:PORT" with an optional "https://" before it; IPv6 in brackets.
absl::Status CheckEndpoint(absl::string_view endpoint);
// "sha256:" and 64 hex digits.
absl::Status CheckPin(absl::string_view pin);

// Reads cluster-info without trust, verifies signature and pin, and reads it
// again over the verified connection. Each failure is one sentence for users.
absl::StatusOr<Cluster> Discover(const DiscoveryOptions& options);

// The part of Discover after the first fetch, for a cluster-info object.
absl::StatusOr<Cluster> VerifyClusterInfo(const runtime::Json& config_map,
                                          const BootstrapToken& token,
                                          const std::vector<std::string>& pins);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_DISCOVERY_H_
