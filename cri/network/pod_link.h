// SPDX-License-Identifier: Apache-2.0
// The veth pair between a pod and the bridge, with addresses and routes.
#ifndef CORACLE_CRI_NETWORK_POD_LINK_H_
#define CORACLE_CRI_NETWORK_POD_LINK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cri/network/bandwidth.h"
#include "cri/network/link.h"

namespace cri::network {

struct PodLink {
  std::string host_name;  // of the node's end
  int bridge_index = 0;
  uint32_t mtu = 0;
  int netns_fd = -1;
  bool node_has_ipv6 = false;
  Bandwidth bandwidth;
  std::vector<PodAddress> addresses;  // the first gives the link address
};

// Makes the pair and sets the pod's end up. One that an interrupted call left
// is used if it ends in this pod, and replaced if it ends elsewhere.
// FAILED_PRECONDITION if somebody else's link is in the way, UNIMPLEMENTED for
// a bandwidth that this kernel cannot keep.
absl::Status ConnectPod(const PodLink& link);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_POD_LINK_H_
