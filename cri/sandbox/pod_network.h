// SPDX-License-Identifier: Apache-2.0
// What the network is told of a sandbox: CRI's words in the network's.
#ifndef CORACLE_CRI_SANDBOX_POD_NETWORK_H_
#define CORACLE_CRI_SANDBOX_POD_NETWORK_H_

#include "absl/status/status.h"
#include "cri/network/pod_network.h"
#include "cri/sandbox/sandbox.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::sandbox {

// INVALID_ARGUMENT names the field of a mapping that cannot be: an unknown
// protocol, a port out of range, a host IP that is none, a host port that
// another one of the pod has on the same address (network::AreOne).
absl::Status CheckHostPorts(const runtime::v1::PodSandboxConfig& config);

// All but the namespace, which is the caller's to open. The same whenever it is
// asked for: also from a sandbox that was read from its record.
network::PodNetwork PodNetworkOf(const Sandbox& sandbox);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_POD_NETWORK_H_
