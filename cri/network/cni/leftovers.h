// SPDX-License-Identifier: Apache-2.0
// What a start finds of the runs before it.
#ifndef CORACLE_CRI_NETWORK_CNI_LEFTOVERS_H_
#define CORACLE_CRI_NETWORK_CNI_LEFTOVERS_H_

#include <set>
#include <string>
#include <vector>

#include "cri/network/cni/attachment.h"
#include "cri/network/pod_network.h"

namespace cri::network::cni {

struct Leftovers {
  // Those whose records can be read, all of them stopping; host ports only of
  // lists that map them.
  std::vector<PodNetwork> pods;
  std::set<std::string> ids;  // of all sandboxes that need a DEL
};

// Of what there is on disk, ours that belongs to none of the `living`.
// Namespaces are pinned in `netns_dir`.
Leftovers FindLeftovers(const Attachments& attachments,
                        const Attachments::Listing& listing,
                        const std::set<std::string>& living,
                        const std::string& netns_dir);

// All pods, with the host ports that they have: what is left, and the `living`,
// without ports if their record says that their list maps none.
std::vector<PodNetwork> WithPortsHeld(const Attachments::Listing& listing,
                                      const std::vector<PodNetwork>& living,
                                      const Leftovers& left);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_LEFTOVERS_H_
