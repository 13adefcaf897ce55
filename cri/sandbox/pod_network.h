// SPDX-License-Identifier: Apache-2.0
// What the network is told of a sandbox: CRI's words in the network's.
#ifndef CORACLE_CRI_SANDBOX_POD_NETWORK_H_
#define CORACLE_CRI_SANDBOX_POD_NETWORK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cri/network/pod_network.h"
#include "cri/sandbox/sandbox.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::sandbox {

// The mappings of `config` that have a host port. INVALID_ARGUMENT names the
// field: an unknown protocol, a port out of range, a host IP that is none, one
// host port twice.
absl::StatusOr<std::vector<network::PortMapping>> HostPorts(
    const runtime::v1::PodSandboxConfig& config);

// All but the namespace, which is the caller's to open. The same whenever it is
// asked for: also from a sandbox that was read from its record.
network::PodNetwork PodNetworkOf(const Sandbox& sandbox);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_POD_NETWORK_H_
