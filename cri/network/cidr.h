// SPDX-License-Identifier: Apache-2.0
// IPv4 addresses and the pod CIDR as plain values. No I/O.
#ifndef CORACLE_CRI_NETWORK_CIDR_H_
#define CORACLE_CRI_NETWORK_CIDR_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::network {

// An IPv4 address in host byte order, so that it can be counted with.
struct Ipv4 {
  uint32_t value = 0;

  std::string ToString() const;  // "10.244.1.7"
  uint32_t wire() const;         // network byte order
  friend auto operator<=>(const Ipv4&, const Ipv4&) = default;
};

// Dotted quad only. INVALID_ARGUMENT names the text.
absl::StatusOr<Ipv4> ParseIpv4(absl::string_view text);

// The link address that belongs to an IP. It follows from the IP, so whoever
// gets an address again is found under the same neighbour entry as before.
std::array<uint8_t, 6> MacOf(Ipv4 ip);

struct Cidr {
  Ipv4 network;
  int prefix = 0;

  uint32_t mask() const;
  bool Contains(Ipv4 ip) const;
  Ipv4 gateway() const;    // the first address, which the bridge has
  Ipv4 first() const;      // the first one for pods
  Ipv4 last() const;       // the last one for pods
  Ipv4 broadcast() const;  // never given away
  uint32_t size() const;   // how many there are for pods
  std::string ToString() const;
  friend bool operator==(const Cidr&, const Cidr&) = default;
};

// "10.244.1.0/24", from /8 to /30. INVALID_ARGUMENT names text and reason: host
// bits, prefix out of range, not an address. IPv6 is UNIMPLEMENTED.
absl::StatusOr<Cidr> ParsePodCidr(absl::string_view text);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_CIDR_H_
