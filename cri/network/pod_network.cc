// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pod_network.h"

#include "absl/status/statusor.h"
#include "cri/network/ip.h"

namespace cri::network {
namespace {

bool ShareAnAddress(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == b) return true;
  const absl::StatusOr<Ip> ip_a = ParseIp(a), ip_b = ParseIp(b);
  if (!ip_a.ok() || !ip_b.ok() || ip_a->family != ip_b->family) return false;
  return *ip_a == *ip_b || ip_a->IsAny() || ip_b->IsAny();
}

bool IsAnyAddress(const std::string& text) {
  const absl::StatusOr<Ip> ip = ParseIp(text);
  return text.empty() || (ip.ok() && ip->IsAny());
}

}  // namespace

bool AreOne(const PortMapping& a, const PortMapping& b) {
  return Meet(a, b) && IsAnyAddress(a.host_ip) == IsAnyAddress(b.host_ip);
}

bool Meet(const PortMapping& a, const PortMapping& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         ShareAnAddress(a.host_ip, b.host_ip);
}

}  // namespace cri::network
