// SPDX-License-Identifier: Apache-2.0
// The nftables table of one bridge: source NAT for what leaves the pod CIDR.
#ifndef CORACLE_CRI_NETWORK_MASQUERADE_H_
#define CORACLE_CRI_NETWORK_MASQUERADE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cri/network/cidr.h"

namespace cri::network {

// Makes or replaces, in one transaction, the IPv4 table `table`: packets from
// `cidr` to elsewhere leave with the address of the link they leave by. Those
// to `cluster` keep their own: pods of all nodes see each other's addresses.
absl::Status InstallMasquerade(const std::string& table, const Cidr& cidr,
                               const std::optional<Cidr>& cluster);

// OK if there is none.
absl::Status RemoveMasquerade(const std::string& table);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_MASQUERADE_H_
