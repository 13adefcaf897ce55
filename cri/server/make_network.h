// SPDX-License-Identifier: Apache-2.0
// The network that the configuration asks for.
#ifndef CORACLE_CRI_SERVER_MAKE_NETWORK_H_
#define CORACLE_CRI_SERVER_MAKE_NETWORK_H_

#include <memory>

#include "absl/status/status.h"
#include "cri/config/config.h"
#include "cri/network/network.h"

namespace cri::server {

std::unique_ptr<network::Network> MakeNetwork(const config::Config& config);

// Takes down what it made, when no pod is left: bridge, rules and leases of the
// built-in one; with CNI also what plugins still hold for pods of this server,
// and the guard of the node's loopback.
absl::Status RemoveNetwork(const config::Config& config);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_MAKE_NETWORK_H_
