// SPDX-License-Identifier: Apache-2.0
// The bandwidth annotations of pods, and the token bucket filters that keep
// to them.
#ifndef CORACLE_CRI_NETWORK_BANDWIDTH_H_
#define CORACLE_CRI_NETWORK_BANDWIDTH_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"

namespace cri::network {

inline constexpr char kIngressBandwidth[] = "kubernetes.io/ingress-bandwidth";
inline constexpr char kEgressBandwidth[] = "kubernetes.io/egress-bandwidth";

// Bits per second; 0 = as fast as it goes.
struct Bandwidth {
  uint64_t ingress = 0;  // to the pod
  uint64_t egress = 0;   // from it
};

// From quantities ("10M", "1.5Gi", "64000"), 1k to 1P as Kubernetes has it.
// INVALID_ARGUMENT names annotation and value.
absl::StatusOr<Bandwidth> ParseBandwidth(
    const std::map<std::string, std::string>& annotations);

// What leaves by `link` keeps to `bits_per_second`. Instead of the limit that
// was there. UNIMPLEMENTED if the kernel has no token bucket filter.
absl::Status LimitLink(Socket& rtnl, const Link& link,
                       uint64_t bits_per_second);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_BANDWIDTH_H_
