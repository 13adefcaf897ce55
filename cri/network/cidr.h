// SPDX-License-Identifier: Apache-2.0
// Pod CIDRs of both families, and the link addresses that belong to IPs, as
// plain values. No I/O.
#ifndef CORACLE_CRI_NETWORK_CIDR_H_
#define CORACLE_CRI_NETWORK_CIDR_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/network/ip.h"

namespace cri::network {

// The link address that belongs to an IP. It follows from the IP, so whoever
// gets an address again is found under the same neighbour entry as before.
std::array<uint8_t, 6> MacOf(Ip ip);
// The IPv6 link-local address that belongs to a link address.
Ip LinkLocalOf(const std::array<uint8_t, 6>& mac);

struct Cidr {
  Ip network;
  int prefix = 0;

  Family family() const { return network.family; }
  absl::uint128 mask() const;
  bool Contains(Ip ip) const;
  Ip gateway() const;     // the first address, which the bridge has
  Ip first() const;       // the first one for pods
  Ip last() const;        // the last one for pods
  Ip broadcast() const;   // IPv4's; never given away in either family
  uint64_t size() const;  // how many there are for pods, 2^63 at most
  std::string ToString() const;
  friend bool operator==(const Cidr&, const Cidr&) = default;
};

// 127.0.0.0/8 or ::1/128.
Cidr LoopbackOf(Family family);

// "10.244.1.0/24" or "fd00:10:244:1::/64": IPv4 from /8 to /30, IPv6 from /8 to
// /126. INVALID_ARGUMENT names text and reason: host bits, prefix out of range,
// not an address.
absl::StatusOr<Cidr> ParseCidr(absl::string_view text);

// One range, or one of each family with a comma between; the first is the
// primary one.
absl::StatusOr<std::vector<Cidr>> ParsePodCidrs(absl::string_view text);
std::string ToString(const std::vector<Cidr>& cidrs);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_CIDR_H_
