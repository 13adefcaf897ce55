// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/address.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
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

}  // namespace cri::network::cni
