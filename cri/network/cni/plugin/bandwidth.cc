// SPDX-License-Identifier: Apache-2.0
// bandwidth: limits on what comes to a pod and on what it sends, at the node's
// end of its veth pair.
#include <linux/netlink.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/plugin/pod_link.h"
#include "cri/network/cni/plugin/shaper.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr int64_t kMostRate = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostBurst =
    int64_t{8} * std::numeric_limits<uint32_t>::max();
constexpr size_t kIfbName = 15;

struct Conf {
  std::string network;
  std::optional<Limit> ingress, egress;  // to the pod, from the pod
};

absl::Status ReadLimit(const Json& json, const std::string& direction,
                       std::optional<Limit>& limit) {
  int64_t rate = 0, burst = 0;
  RETURN_IF_ERROR(ReadNumber(json, direction + "Rate", 0, kMostRate, rate));
  RETURN_IF_ERROR(
      ReadNumber(json, direction + "Burst", 0, kMostBurst - 1, burst));
  if ((rate == 0) != (burst == 0)) {
    return FieldError(direction + (rate == 0 ? "Rate" : "Burst"),
                      "is missing: rate and burst go together");
  }
  if (rate != 0) {
    limit = Limit{static_cast<uint64_t>(rate), static_cast<uint64_t>(burst)};
  }
  return absl::OkStatus();
}

// The configuration's own limits win over those of the pod.
absl::StatusOr<Conf> Parse(const Json& request) {
  Conf conf;
  conf.network = runtime::StringAt(request, "name");
  const bool own = std::any_of(
      request.items().begin(), request.items().end(), [](const auto& item) {
        return item.key() == "ingressRate" || item.key() == "ingressBurst" ||
               item.key() == "egressRate" || item.key() == "egressBurst";
      });
  const Json& limits =
      own ? request : runtime::At(request, {"runtimeConfig", "bandwidth"});
  RETURN_IF_ERROR(ReadLimit(limits, "ingress", conf.ingress));
  RETURN_IF_ERROR(ReadLimit(limits, "egress", conf.egress));
  return conf;
}

std::string IfbName(const Conf& conf, const Call& call) {
  // "bwp" and the beginning of the same hash that chains have.
  return absl::StrCat("bwp",
                      ChainName("", conf.network, call.container_id).substr(4))
      .substr(0, kIfbName);
}

// The node's end of the pod's veth pair, if the result knows of it.
absl::StatusOr<Link> HostEnd(const Call& call, Socket& node,
                             const Result& result) {
  ASSIGN_OR_RETURN(Pod pod, Pod::Open(call.netns));
  ASSIGN_OR_RETURN(const Link inside, GetLink(pod.rtnl, call.ifname));
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(node));
  for (const Link& link : links) {
    if (inside.kind != "veth" || link.index != inside.peer_index) continue;
    for (const Interface& interface : result.interfaces) {
      if (interface.sandbox.empty() && interface.name == link.name) return link;
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the pod's link ", call.ifname,
                   " is no veth with its other end on the node"));
}

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(Result result, PreviousResult(call));
  if (!conf.ingress.has_value() && !conf.egress.has_value()) return result;
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const Link host, HostEnd(call, node, result));
  if (conf.ingress.has_value()) {
    RETURN_IF_ERROR(LimitSending(node, host, *conf.ingress));
  }
  if (conf.egress.has_value()) {
    ASSIGN_OR_RETURN(const Link ifb,
                     AddIfb(node, IfbName(conf, call), host.mtu));
    result.interfaces.push_back({.name = ifb.name, .mac = MacText(ifb)});
    RETURN_IF_ERROR(RedirectReceived(node, host, ifb));
    RETURN_IF_ERROR(LimitSending(node, ifb, *conf.egress));
  }
  return result;
}

absl::Status Del(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  return DeleteLink(node, IfbName(conf, call));
}

absl::Status Check(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(const Result result, PreviousResult(call));
  ASSIGN_OR_RETURN(Socket node, Socket::Open(NETLINK_ROUTE));
  if (conf.ingress.has_value()) {
    ASSIGN_OR_RETURN(const Link host, HostEnd(call, node, result));
    RETURN_IF_ERROR(CheckSending(node, host, *conf.ingress));
  }
  if (conf.egress.has_value()) {
    ASSIGN_OR_RETURN(const Link ifb, GetLink(node, IfbName(conf, call)));
    RETURN_IF_ERROR(CheckSending(node, ifb, *conf.egress));
  }
  return absl::OkStatus();
}

absl::Status Understands(const Json& conf) {
  RETURN_IF_ERROR(OnlyKeys(
      conf, {"ingressRate", "ingressBurst", "egressRate", "egressBurst"}));
  return Parse(conf).status();
}

}  // namespace

const PluginCode& Bandwidth() {
  static const PluginCode kCode{Add, Del, Check, nullptr, Understands};
  return kCode;
}

}  // namespace cri::network::cni
