// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cidr.h"

#include <arpa/inet.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// Larger ranges than a node can use, and smaller ones than gateway and one pod.
constexpr int kShortestPrefix = 8;
constexpr int kLongestPrefix = 30;

absl::Status Malformed(absl::string_view text, absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("pod CIDR \"", text, "\": ", reason));
}

}  // namespace

std::string Ipv4::ToString() const {
  return absl::StrCat(value >> 24, ".", value >> 16 & 0xff, ".",
                      value >> 8 & 0xff, ".", value & 0xff);
}

uint32_t Ipv4::wire() const { return htonl(value); }

absl::StatusOr<Ipv4> ParseIpv4(absl::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an IPv4 address"));
  }
  return Ipv4{ntohl(address.s_addr)};
}

std::array<uint8_t, 6> MacOf(Ipv4 ip) {
  // 0a: locally administered, unicast.
  return {0x0a,
          0x58,
          static_cast<uint8_t>(ip.value >> 24),
          static_cast<uint8_t>(ip.value >> 16),
          static_cast<uint8_t>(ip.value >> 8),
          static_cast<uint8_t>(ip.value)};
}

uint32_t Cidr::mask() const { return ~uint32_t{0} << (32 - prefix); }

bool Cidr::Contains(Ipv4 ip) const {
  return (ip.value & mask()) == network.value;
}

Ipv4 Cidr::gateway() const { return {network.value + 1}; }
Ipv4 Cidr::first() const { return {network.value + 2}; }
Ipv4 Cidr::last() const { return {broadcast().value - 1}; }
Ipv4 Cidr::broadcast() const { return {network.value | ~mask()}; }
uint32_t Cidr::size() const { return last().value - first().value + 1; }

std::string Cidr::ToString() const {
  return absl::StrCat(network.ToString(), "/", prefix);
}

absl::StatusOr<Cidr> ParsePodCidr(absl::string_view text) {
  if (absl::StrContains(text, ',')) {
    return absl::UnimplementedError(absl::StrCat(
        "pod CIDR \"", text,
        "\": the built-in network takes one IPv4 range; dual stack is not "
        "supported"));
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  if (absl::StrContains(parts.first, ':')) {
    return absl::UnimplementedError(absl::StrCat(
        "pod CIDR \"", text,
        "\": the built-in network takes an IPv4 range; IPv6 is not "
        "supported"));
  }
  absl::StatusOr<Ipv4> address = ParseIpv4(parts.first);
  if (!address.ok()) return Malformed(text, address.status().message());
  Cidr cidr;
  if (!absl::SimpleAtoi(parts.second, &cidr.prefix) ||
      cidr.prefix < kShortestPrefix || cidr.prefix > kLongestPrefix) {
    return Malformed(
        text, absl::StrCat("the prefix has to be /", kShortestPrefix, " to /",
                           kLongestPrefix));
  }
  cidr.network = {address->value & cidr.mask()};
  if (cidr.network != *address) {
    return Malformed(
        text, absl::StrCat("has host bits; the network is ", cidr.ToString()));
  }
  return cidr;
}

}  // namespace cri::network
