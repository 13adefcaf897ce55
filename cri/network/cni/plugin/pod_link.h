// SPDX-License-Identifier: Apache-2.0
// What ptp and bridge have in common: the addresses that host-local gives, and
// the pod's end of a veth pair with them.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_POD_LINK_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_POD_LINK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/plugin/kernel.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/result.h"
#include "cri/network/netlink.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// A pod's namespace and a socket in it.
struct Pod {
  runtime::UniqueFd netns;
  Socket rtnl;

  static absl::StatusOr<Pod> Open(const std::string& path);
};

// Both ends of a veth pair as a result has them; the node's end is up.
struct PodVeth {
  Interface host, pod;
};
absl::StatusOr<PodVeth> AddVethEnds(const Call& call, Pod& pod, Socket& node,
                                    uint32_t mtu,
                                    const std::vector<uint8_t>& mac);

// Puts the result's addresses on the link, sets it up and adds the routes, by
// the gateways of the addresses where they have none.
absl::Status ConfigureLink(Pod& pod, const Link& link, const Result& result,
                           absl::Time deadline);

// Forwarding for the families of the addresses.
absl::Status EnableForwardingFor(const std::vector<IpConfig>& ips);

// Deletes the pod's link; the addresses that it had, without those of no use
// outside. Nothing if namespace or link are gone.
absl::StatusOr<std::vector<IpNet>> DeletePodLink(const Call& call);

// CHECK: the pod's interface in `result` is there with its link address, the
// addresses and the routes. The link.
absl::StatusOr<Link> CheckPodLink(const Call& call, Pod& pod,
                                  const Result& result);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_POD_LINK_H_
