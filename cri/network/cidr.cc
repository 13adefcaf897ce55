// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cidr.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// Larger ranges than a node can use, and smaller ones than gateway and one pod.
constexpr int kShortestPrefix = 8;
constexpr int kHostBits = 2;

absl::Status Malformed(absl::string_view text, absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("pod CIDR \"", text, "\": ", reason));
}

}  // namespace

std::array<uint8_t, 6> MacOf(Ip ip) {
  const std::vector<uint8_t> bytes = ip.wire();
  std::array<uint8_t, 6> mac{0x0a, 0x58};  // locally administered, unicast
  std::copy(bytes.end() - 4, bytes.end(), mac.begin() + 2);
  return mac;
}

Ip LinkLocalOf(const std::array<uint8_t, 6>& mac) {
  // RFC 4291, appendix A: the universal bit turned, ff:fe in the middle.
  const uint8_t bytes[16] = {0xfe,   0x80,   0,
                             0,      0,      0,
                             0,      0,      static_cast<uint8_t>(mac[0] ^ 2),
                             mac[1], mac[2], 0xff,
                             0xfe,   mac[3], mac[4],
                             mac[5]};
  return IpFromWire(bytes);
}

absl::uint128 Cidr::mask() const {
  return Ip::Any(family()).Filled(0).Masked(prefix).value;
}

bool Cidr::Contains(Ip ip) const {
  return ip.family == family() && (ip.value & mask()) == network.value;
}

Ip Cidr::gateway() const { return {family(), network.value + 1}; }
Ip Cidr::first() const { return {family(), network.value + 2}; }
Ip Cidr::last() const { return broadcast().Previous(); }
Ip Cidr::broadcast() const { return network.Filled(prefix); }

uint64_t Cidr::size() const {
  const absl::uint128 count = last().value - first().value + 1;
  return absl::Uint128Low64(std::min(count, absl::uint128(1) << 63));
}

std::string Cidr::ToString() const {
  return absl::StrCat(network.ToString(), "/", prefix);
}

absl::StatusOr<Cidr> ParseCidr(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  absl::StatusOr<Ip> address = ParseIp(parts.first);
  if (!address.ok()) return Malformed(text, address.status().message());
  const int longest = BitsOf(address->family) - kHostBits;
  Cidr cidr{*address, 0};
  if (!absl::SimpleAtoi(parts.second, &cidr.prefix) ||
      cidr.prefix < kShortestPrefix || cidr.prefix > longest) {
    return Malformed(text, absl::StrCat("the prefix has to be /",
                                        kShortestPrefix, " to /", longest));
  }
  cidr.network.value = address->value & cidr.mask();
  if (cidr.network != *address) {
    return Malformed(
        text, absl::StrCat("has host bits; the network is ", cidr.ToString()));
  }
  return cidr;
}

absl::StatusOr<std::vector<Cidr>> ParsePodCidrs(absl::string_view text) {
  std::vector<Cidr> cidrs;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    ASSIGN_OR_RETURN(const Cidr cidr,
                     ParseCidr(absl::StripAsciiWhitespace(part)));
    for (const Cidr& other : cidrs) {
      if (other.family() == cidr.family()) {
        return Malformed(text, "more than one range of one family");
      }
    }
    cidrs.push_back(cidr);
  }
  return cidrs;
}

std::string ToString(const std::vector<Cidr>& cidrs) {
  return absl::StrJoin(cidrs, ",", [](std::string* out, const Cidr& cidr) {
    absl::StrAppend(out, cidr.ToString());
  });
}

Cidr LoopbackOf(Family family) {
  if (family == Family::kV4) return {{family, 127u << 24}, 8};
  return {{family, 1}, 128};
}

}  // namespace cri::network
