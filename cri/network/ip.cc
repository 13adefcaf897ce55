// SPDX-License-Identifier: Apache-2.0
#include "cri/network/ip.h"

#include <arpa/inet.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cri::network {
namespace {

int AddressFamily(Family family) {
  return family == Family::kV4 ? AF_INET : AF_INET6;
}

// The lowest `count` bits, of 128 at most.
absl::uint128 Ones(int count) {
  return count == 128 ? absl::Uint128Max() : (absl::uint128(1) << count) - 1;
}

}  // namespace

Ip IpFromWire(absl::Span<const uint8_t> bytes) {
  Ip ip{bytes.size() == 16 ? Family::kV6 : Family::kV4, 0};
  if (bytes.size() != 4 && bytes.size() != 16) return ip;
  for (const uint8_t byte : bytes) {
    ip.value = ip.value << 8 | absl::uint128(byte);
  }
  if (ip.v6() && (ip.value >> 32) == 0xffff) {
    ip = {Family::kV4, ip.value & Ones(32)};
  }
  return ip;
}

std::vector<uint8_t> Ip::wire() const {
  std::vector<uint8_t> bytes;
  for (int shift = bits() - 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
  return bytes;
}

std::string Ip::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AddressFamily(family), wire().data(), text, sizeof text);
  return text;
}

bool Ip::IsLoopback() const { return v6() ? value == 1 : (value >> 24) == 127; }

bool Ip::IsGlobalUnicast() const {
  if (IsAny() || IsLoopback()) return false;
  if (v6()) {
    return (value >> 120) != 0xff &&         // multicast
           (value >> 118) != (0xfe80 >> 6);  // link local
  }
  return (value >> 28) != 0xe &&               // multicast
         (value >> 16) != (169 << 8 | 254) &&  // link local
         value != Ones(32);                    // broadcast
}

Ip Ip::Next() const { return {family, (value + 1) & Ones(bits())}; }
Ip Ip::Previous() const { return {family, (value - 1) & Ones(bits())}; }

Ip Ip::Masked(int prefix) const {
  return {family, value & ~Ones(bits() - prefix)};
}

Ip Ip::Filled(int prefix) const {
  return {family, value | Ones(bits() - prefix)};
}

absl::StatusOr<Ip> ParseIp(absl::string_view text) {
  const std::string copy(text);
  uint8_t bytes[16];
  for (const Family family : {Family::kV4, Family::kV6}) {
    // A NUL in the text would hide the rest of it from the C function.
    if (copy.find('\0') == std::string::npos &&
        inet_pton(AddressFamily(family), copy.c_str(), bytes) == 1) {
      return IpFromWire({bytes, static_cast<size_t>(BitsOf(family) / 8)});
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not an IP address"));
}

}  // namespace cri::network
