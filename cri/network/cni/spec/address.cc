// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/address.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"

namespace cri::network::cni {

absl::StatusOr<IpNet> IpNet::Parse(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  IpNet net;
  const absl::StatusOr<Ip> ip = ParseIp(parts.first);
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
  return other.family == ip.family && other.Masked(prefix) == Network();
}

std::string IpNet::ToString() const {
  return absl::StrCat(ip.ToString(), "/", prefix);
}

absl::StatusOr<std::vector<uint8_t>> ParseMac(absl::string_view text) {
  constexpr size_t kDigits = 12;
  const size_t group = absl::StrContains(text, '.') ? 4 : 2;
  const char separator = text.size() > group ? text[group] : ':';
  bool good = text.size() == kDigits + kDigits / group - 1 &&
              (group == 4 || separator == ':' || separator == '-');
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % (group + 1) == group) {
      good &= text[i] == separator;
    } else {
      good &= absl::ascii_isxdigit(static_cast<unsigned char>(text[i]));
      digits += text[i];
    }
  }
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CEscape(text),
                     "\" is not a link address, as 02:00:5e:10:00:01"));
  }
  const std::string bytes = absl::HexStringToBytes(digits);
  return std::vector<uint8_t>(bytes.begin(), bytes.end());
}

}  // namespace cri::network::cni
