// SPDX-License-Identifier: Apache-2.0
// IP addresses of both families as plain values. No I/O.
#ifndef CORACLE_CRI_NETWORK_IP_H_
#define CORACLE_CRI_NETWORK_IP_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cri::network {

enum class Family : uint8_t { kV4 = 4, kV6 = 6 };

constexpr int BitsOf(Family family) { return family == Family::kV4 ? 32 : 128; }

// An address in host byte order, so that it can be counted with. Ordered by
// family, then by number. Where prefixes are asked for they are 0 to bits().
struct Ip {
  Family family = Family::kV4;
  absl::uint128 value = 0;

  static Ip Any(Family family) { return {family, 0}; }

  bool v6() const { return family == Family::kV6; }
  int bits() const { return BitsOf(family); }
  std::string ToString() const;              // "10.244.1.7", "fd00:10:244::7"
  std::vector<uint8_t> wire() const;         // 4 or 16 bytes
  bool IsLoopback() const;                   // 127.0.0.0/8 or ::1
  bool IsAny() const { return value == 0; }  // 0.0.0.0 or ::
  // Of use outside its own link: no multicast, link-local or broadcast address
  // either.
  bool IsGlobalUnicast() const;

  // The addresses beside it; they wrap around at the end.
  Ip Next() const;
  Ip Previous() const;
  // The first `prefix` bits, then zeros or ones.
  Ip Masked(int prefix) const;
  Ip Filled(int prefix) const;

  friend std::strong_ordering operator<=>(const Ip&, const Ip&) = default;
};

// 4 or 16 bytes in network byte order; anything else is 0.0.0.0. An IPv4
// address that is mapped into IPv6 is the IPv4 address, here and below.
Ip IpFromWire(absl::Span<const uint8_t> bytes);
// The usual text forms. INVALID_ARGUMENT names the text.
absl::StatusOr<Ip> ParseIp(absl::string_view text);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_IP_H_
