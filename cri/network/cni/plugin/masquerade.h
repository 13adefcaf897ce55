// SPDX-License-Identifier: Apache-2.0
// ipMasq of ptp and bridge: a chain per pod in which what leaves its network is
// masqueraded.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_MASQUERADE_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_MASQUERADE_H_

#include <vector>

#include "absl/status/status.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/result.h"

namespace cri::network::cni {

// For all addresses of the pod at once.
absl::Status AddPodMasquerade(const Call& call,
                              const std::vector<IpConfig>& ips);
// OK if there is none.
absl::Status RemovePodMasquerade(const Call& call);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_MASQUERADE_H_
