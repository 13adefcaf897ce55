// SPDX-License-Identifier: Apache-2.0
// Addresses with a prefix as CNI writes them. Plain values, no I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/network/ip.h"

namespace cri::network::cni {

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

// "aa:bb:cc:dd:ee:ff", or with '-', or "aabb.ccdd.eeff". INVALID_ARGUMENT names
// the text.
absl::StatusOr<std::vector<uint8_t>> ParseMac(absl::string_view text);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_ADDRESS_H_
