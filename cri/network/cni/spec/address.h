// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses and prefixes as CNI writes them. Plain values, no
// I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cri::network::cni {

// An address of either family. An IPv4 address that is mapped into IPv6 is an
// IPv4 address. Ordered by family, then by number.
class Ip {
 public:
  Ip() = default;  // 0.0.0.0

  // INVALID_ARGUMENT names the text.
  static absl::StatusOr<Ip> Parse(absl::string_view text);
  static Ip Any(bool v6);
  // `bytes` are 4 or 16, in network byte order.
  static Ip FromBytes(absl::Span<const uint8_t> bytes);

  bool v6() const { return v6_; }
  int bits() const { return v6_ ? 128 : 32; }
  // In network byte order.
  absl::Span<const uint8_t> bytes() const { return {bytes_.data(), size()}; }
  std::string ToString() const;

  Ip Next() const;  // wraps around at the end
  // The first `prefix` bits, then zeros or ones.
  Ip Masked(int prefix) const;
  Ip Filled(int prefix) const;
  Ip Previous() const;
  bool IsUnspecified() const { return *this == Any(v6_); }
  bool IsLoopback() const;
  bool IsGlobalUnicast() const;

  friend auto operator<=>(const Ip&, const Ip&) = default;

 private:
  size_t size() const { return v6_ ? 16 : 4; }

  bool v6_ = false;
  std::array<uint8_t, 16> bytes_{};
};

// An address with the length of its network: "10.1.2.3/24".
struct IpNet {
  Ip ip;
  int prefix = 0;

  // "address/length". INVALID_ARGUMENT names the text.
  static absl::StatusOr<IpNet> Parse(absl::string_view text);
  static IpNet Host(const Ip& ip) { return {ip, ip.bits()}; }

  Ip Network() const { return ip.Masked(prefix); }
  bool Contains(const Ip& other) const;
  std::string ToString() const;
  friend bool operator==(const IpNet&, const IpNet&) = default;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_
