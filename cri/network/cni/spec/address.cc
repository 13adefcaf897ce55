// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xff, 0xff};

}  // namespace

absl::StatusOr<Ip> Ip::Parse(absl::string_view text) {
  std::array<uint8_t, 16> bytes{};
  const std::string copy(text);
  // A NUL in the text would hide the rest of it from the C function.
  if (copy.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) {
      return FromBytes({bytes.data(), 4});
    }
    if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) {
      return FromBytes(bytes);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not an IP address"));
}

Ip Ip::Any(bool v6) {
  Ip ip;
  ip.v6_ = v6;
  return ip;
}

Ip Ip::FromBytes(absl::Span<const uint8_t> bytes) {
  Ip ip;
  if (bytes.size() == 16 &&
      std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    bytes.remove_prefix(kMapped.size());
  }
  ip.v6_ = bytes.size() == 16;
  std::copy_n(bytes.begin(), ip.size(), ip.bytes_.begin());
  return ip;
}

std::string Ip::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof text);
  return text;
}

Ip Ip::Next() const {
  Ip next = *this;
  for (size_t i = size(); i-- > 0;) {
    if (++next.bytes_[i] != 0) break;
  }
  return next;
}

Ip Ip::Previous() const {
  Ip previous = *this;
  for (size_t i = size(); i-- > 0;) {
    if (previous.bytes_[i]-- != 0) break;
  }
  return previous;
}

Ip Ip::Masked(int prefix) const {
  Ip masked = *this;
  for (int bit = prefix; bit < bits(); ++bit) {
    masked.bytes_[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  }
  return masked;
}

Ip Ip::Filled(int prefix) const {
  Ip filled = *this;
  for (int bit = prefix; bit < bits(); ++bit) {
    filled.bytes_[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  return filled;
}

bool Ip::IsLoopback() const {
  return v6_ ? *this == Any(true).Next() : bytes_[0] == 127;
}

bool Ip::IsGlobalUnicast() const {
  if (IsUnspecified() || IsLoopback()) return false;
  if (v6_) {
    return bytes_[0] != 0xff &&                                 // multicast
           !(bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80);  // link local
  }
  return !(bytes_[0] >= 224 && bytes_[0] < 240) &&   // multicast
         !(bytes_[0] == 169 && bytes_[1] == 254) &&  // link local
         Filled(0) != *this;                         // broadcast
}

absl::StatusOr<IpNet> IpNet::Parse(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  IpNet net;
  const absl::StatusOr<Ip> ip = Ip::Parse(parts.first);
  if (!ip.ok() || parts.second.empty() || parts.second.size() > 3 ||
      !std::all_of(parts.second.begin(), parts.second.end(),
                   [](char c) { return c >= '0' && c <= '9'; }) ||
      !absl::SimpleAtoi(parts.second, &net.prefix) || net.prefix > ip->bits()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text,
                     "\" is not an address with a prefix length, "
                     "as 10.1.2.3/24"));
  }
  net.ip = *ip;
  return net;
}

bool IpNet::Contains(const Ip& other) const {
  return other.v6() == ip.v6() && other.Masked(prefix) == Network();
}

std::string IpNet::ToString() const {
  return absl::StrCat(ip.ToString(), "/", prefix);
}

}  // namespace cri::network::cni
