// SPDX-License-Identifier: Apache-2.0
// Network settings below /proc/sys/net of the calling thread's namespace.
#ifndef CORACLE_CRI_NETWORK_SYSCTL_H_
#define CORACLE_CRI_NETWORK_SYSCTL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cri/network/cidr.h"

namespace cri::network {

// Whether the kernel speaks IPv6 in this namespace.
bool HasIpv6();

// Whether netfilter sees packets that only pass a bridge (br_netfilter).
bool BridgedIsTranslated();

// What a node needs to route between pods and world: forwarding on for the
// families of `cidrs`, and for `bridge` loose reverse path checks, services of
// the node on 127.0.0.1, no routers that a pod claims to be (CVE-2020-10749),
// and bridged packets shown to netfilter where br_netfilter is loaded. Values
// that are right already are not written, so a read-only /proc/sys will do.
absl::Status EnableForwarding(const std::string& bridge,
                              const std::vector<Cidr>& cidrs);

// In a pod's namespace, before it has links: IPv6 on if it gets an address, and
// no router but ours. A setting that cannot be written is reported in the log.
void PreparePod(bool ipv6);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_SYSCTL_H_
