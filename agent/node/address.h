// SPDX-License-Identifier: Apache-2.0
// Which addresses this node is known by.
#ifndef CORACLE_AGENT_NODE_ADDRESS_H_
#define CORACLE_AGENT_NODE_ADDRESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace agent::node {

struct LocalAddress {
  std::string interface, ip;
};

// All addresses of interfaces that are up.
absl::StatusOr<std::vector<LocalAddress>> LocalAddresses();

// OK if `ip` can be a node's address: of a local interface, not loopback,
// link-local, multicast or unspecified.
absl::Status CheckNodeIp(const std::string& ip,
                         const std::vector<LocalAddress>& local);

// The node's addresses. `wanted` is --node-ip: "", one address, or two of
// different families by comma. Without it: the address that /etc/hosts gives
// `node_name`, else that of the default route's interface, else the first fit
// one. FAILED_PRECONDITION if there is none.
absl::StatusOr<std::vector<std::string>> NodeIps(const std::string& wanted,
                                                 const std::string& node_name);

// The address of `name` in the text of a hosts file, "" if none.
std::string HostsLookup(absl::string_view hosts, absl::string_view name);
// The interface of the default route in the text of /proc/net/route.
std::string DefaultInterface(absl::string_view routes);

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_ADDRESS_H_
