// SPDX-License-Identifier: Apache-2.0
#include "cri/network/node_side.h"

#include <linux/netlink.h>

#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cri/network/link.h"
#include "cri/network/link_name.h"
#include "cri/network/nat.h"
#include "cri/network/netlink.h"
#include "cri/network/sysctl.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kVethPrefix[] = "veth";

std::set<std::string> VethNames(const std::vector<std::string>& sandboxes) {
  std::set<std::string> names;
  for (const std::string& sandbox_id : sandboxes) {
    names.insert(VethName(sandbox_id));
  }
  return names;
}

// Puts running pods on a bridge that had to be made anew.
absl::Status Adopt(Socket& rtnl, int bridge_index,
                   const std::vector<std::string>& sandboxes) {
  if (sandboxes.empty()) return absl::OkStatus();
  const std::set<std::string> ours = VethNames(sandboxes);
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
  for (const Link& link : links) {
    if (link.master != 0 || !ours.contains(link.name)) continue;
    RETURN_IF_ERROR(SetMaster(rtnl, link, bridge_index));
  }
  return absl::OkStatus();
}

}  // namespace

std::string RoomDir(const NetworkOptions& options) {
  return absl::StrCat(options.state_dir, "/network");
}

std::string TableName(const NetworkOptions& options) {
  return absl::StrCat("coracle-", options.bridge);
}

std::string VethName(absl::string_view sandbox_id) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : sandbox_id) hash = (hash ^ c) * 0x100000001b3;
  return absl::StrFormat("%s%011x", kVethPrefix, hash >> 20);
}

absl::Status CheckBridgeName(const std::string& name) {
  if (IsLinkName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("bridge name \"", name, "\" is not ", kLinkName));
}

absl::StatusOr<NodeSide> SetUpNode(const NetworkOptions& options,
                                   const std::vector<Cidr>& cidrs,
                                   const std::vector<std::string>& sandboxes,
                                   HostPorts& ports) {
  NatOptions nat{
      TableName(options), options.bridge, cidrs, {}, options.masquerade};
  if (!options.cluster_cidr.empty()) {
    ASSIGN_OR_RETURN(nat.cluster, ParsePodCidrs(options.cluster_cidr));
  }
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  NodeSide node;
  node.cidrs = cidrs;
  node.has_ipv6 = HasIpv6();
  node.mtu = static_cast<uint32_t>(options.mtu);
  if (options.mtu == 0) {
    ASSIGN_OR_RETURN(node.mtu, DefaultRouteMtu(rtnl));
  }
  ASSIGN_OR_RETURN(node.bridge_index,
                   EnsureBridge(rtnl, options.bridge,
                                MacOf(cidrs.front().gateway()), node.mtu));
  RETURN_IF_ERROR(EnableForwarding(options.bridge, cidrs));
  RETURN_IF_ERROR(
      SetBridgeAddresses(rtnl, options.bridge, node.bridge_index, cidrs));
  RETURN_IF_ERROR(Adopt(rtnl, node.bridge_index, sandboxes));
  nat.bridged_translated = BridgedIsTranslated();
  RETURN_IF_ERROR(ports.Install(nat));
  return node;
}

bool IsGone(const NetworkOptions& options, const NodeSide& node,
            const absl::Status& failure) {
  absl::StatusOr<Socket> rtnl = Socket::Open(NETLINK_ROUTE);
  if (!rtnl.ok()) return false;
  const absl::StatusOr<std::optional<Link>> bridge =
      FindLink(*rtnl, options.bridge);
  if (!bridge.ok()) return false;
  return !bridge->has_value() || (*bridge)->index != node.bridge_index ||
         absl::IsNotFound(failure);  // the table, most likely
}

std::vector<std::string> StrayLinks(const NetworkOptions& options,
                                    const std::vector<std::string>& sandboxes) {
  absl::StatusOr<Socket> rtnl = Socket::Open(NETLINK_ROUTE);
  if (!rtnl.ok()) return {};
  const absl::StatusOr<std::optional<Link>> bridge =
      FindLink(*rtnl, options.bridge);
  const absl::StatusOr<std::vector<Link>> links = ListLinks(*rtnl);
  if (!links.ok() || !bridge.ok() || !bridge->has_value()) return {};
  const std::set<std::string> known = VethNames(sandboxes);
  std::vector<std::string> stray;
  for (const Link& link : *links) {
    if (link.master == (*bridge)->index && link.kind == "veth" &&
        absl::StartsWith(link.name, kVethPrefix) &&
        !known.contains(link.name)) {
      stray.push_back(link.name);
    }
  }
  return stray;
}

absl::Status RemoveBridgeNetwork(const NetworkOptions& options) {
  RETURN_IF_ERROR(CheckBridgeName(options.bridge));
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const std::optional<Link> bridge,
                   FindLink(rtnl, options.bridge));
  if (bridge.has_value() && bridge->kind == "bridge") {
    ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
    for (const Link& link : links) {
      if (link.master != bridge->index || link.kind != "veth") continue;
      RETURN_IF_ERROR(DeleteLink(rtnl, link.name));
    }
    RETURN_IF_ERROR(DeleteLink(rtnl, options.bridge));
  }
  ASSIGN_OR_RETURN(Socket netfilter, Socket::Open(NETLINK_NETFILTER));
  RETURN_IF_ERROR(RemoveNat(netfilter, TableName(options)));
  return runtime::RemoveTree(RoomDir(options));
}

}  // namespace cri::network
