// SPDX-License-Identifier: Apache-2.0
// loopback: the pod's `lo` up.
#include <net/if.h>

#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/plugin/pod_link.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr char kName[] = "lo";

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(const Link link, GetLink(pod.rtnl, kName));
  RETURN_IF_ERROR(SetUp(pod.rtnl, link, true));
  // In a chain it passes on what it got.
  if (runtime::Has(call.request, "prevResult")) return PreviousResult(call);
  Result result;
  result.interfaces.push_back(
      {.name = kName, .mac = "00:00:00:00:00:00", .sandbox = call.netns});
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses,
                   AddressesOf(pod.rtnl, link));
  for (const bool v6 : {false, true}) {
    for (const LinkAddress& address : addresses) {
      if (address.net.ip.v6() != v6) continue;
      result.ips.push_back({address.net, std::nullopt, 0});
      break;
    }
  }
  return result;
}

absl::Status Del(const Call& call) {
  if (call.netns.empty()) return absl::OkStatus();
  absl::StatusOr<Pod> pod = Pod::Open(call.netns);
  if (absl::IsNotFound(pod.status())) return absl::OkStatus();
  RETURN_IF_ERROR(pod.status());
  ASSIGN_OR_RETURN(const Link link, GetLink(pod->rtnl, kName));
  return SetUp(pod->rtnl, link, false);
}

absl::Status Check(const Call& call) {
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(const Link link, GetLink(pod.rtnl, kName));
  if ((link.flags & IFF_UP) != 0) return absl::OkStatus();
  return absl::FailedPreconditionError("the loopback interface is down");
}

absl::Status Understands(const Json& conf) { return OnlyKeys(conf, {}); }

}  // namespace

const PluginCode& Loopback() {
  static const PluginCode kCode{Add, Del, Check, nullptr, Understands};
  return kCode;
}

}  // namespace cri::network::cni
