// SPDX-License-Identifier: Apache-2.0
// macspoofchk of bridge: what comes from a pod's port with another link address
// than the pod's is dropped. Rules in the table `nat` of bridges, as the
// program writes them with nft; needs nf_tables for bridges.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_SPOOF_CHECK_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_SPOOF_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "cri/network/cni/spec/call.h"

namespace cri::network::cni {

// `port` is the node's end of the pod's veth pair, `mac` the pod's address.
absl::Status AddSpoofCheck(const Call& call, const std::string& port,
                           const std::string& mac);
// OK if there is none.
absl::Status RemoveSpoofCheck(const Call& call);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_SPOOF_CHECK_H_
