// SPDX-License-Identifier: Apache-2.0
// Limits on what a link sends (token bucket) and receives (redirected to an ifb
// link that sends it under a limit), by rtnetlink.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_SHAPER_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_SHAPER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"

namespace cri::network::cni {

// Bits per second, and bits that may come at once. Neither is 0.
struct Limit {
  uint64_t rate = 0, burst = 0;
};

// A token bucket at the root of the link.
absl::Status LimitSending(Socket& rtnl, const Link& link, const Limit& limit);
// FAILED_PRECONDITION if the link has none, or another limit.
absl::Status CheckSending(Socket& rtnl, const Link& link, const Limit& limit);
// An ifb link, up. ALREADY_EXISTS if the name is taken, UNIMPLEMENTED if the
// kernel has no ifb links.
absl::StatusOr<Link> AddIfb(Socket& rtnl, const std::string& name,
                            uint32_t mtu);
// All that `link` receives goes through `ifb` first.
absl::Status RedirectReceived(Socket& rtnl, const Link& link, const Link& ifb);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_SHAPER_H_
