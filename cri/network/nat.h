// SPDX-License-Identifier: Apache-2.0
// The nftables table of one bridge: source NAT for what leaves the pod CIDRs,
// host ports of pods, and a guard for what listens on the node's loopback.
//
// Host ports are elements of maps, so that a packet costs the same with one
// and with thousands of them. They answer on every address of the node but ::1,
// from which the kernel does not route.
#ifndef CORACLE_CRI_NETWORK_NAT_H_
#define CORACLE_CRI_NETWORK_NAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cri/network/cidr.h"
#include "cri/network/netlink.h"
#include "cri/network/pod_network.h"

namespace cri::network {

struct NatOptions {
  std::string table;
  std::string bridge;
  std::vector<Cidr> pods;
  std::vector<Cidr> cluster;  // pods of all nodes; may be empty
  bool masquerade = true;
  // Whether packets that only pass the bridge are translated too
  // (br_netfilter). If not, answers between two pods of the node have to be
  // led through the node: they see its address instead of each other's.
  bool bridged_translated = true;
};

// A port of the node that leads to one of a pod.
struct Forward {
  Protocol protocol = Protocol::kTcp;
  uint16_t host_port = 0;
  std::optional<Ip> host_ip;  // none: every address of the pod's family
  Ip pod_ip;
  uint16_t pod_port = 0;
  friend bool operator==(const Forward&, const Forward&) = default;
};

// Each of these is one transaction, through a socket of NETLINK_NETFILTER that
// should stay open between them: closing one waits until the kernel has freed
// what the last one removed, 10 ms or more.

// Makes or corrects the table. Forwards that are there stay; `forwards` come
// to them.
absl::Status InstallNat(Socket& socket, const NatOptions& options,
                        const std::vector<Forward>& forwards);
// OK if there is none.
absl::Status RemoveNat(Socket& socket, const std::string& table);

// All forwards of one pod at once. NOT_FOUND without the table.
absl::Status AddForwards(Socket& socket, const std::string& table,
                         const std::vector<Forward>& forwards);
// NOT_FOUND if one is missing, and then none is removed.
absl::Status RemoveForwards(Socket& socket, const std::string& table,
                            const std::vector<Forward>& forwards);
// Instead of all that are there.
absl::Status ReplaceForwards(Socket& socket, const std::string& table,
                             const std::vector<Forward>& forwards);

// "TCP", as users write it.
const char* NameOf(Protocol protocol);
// IPPROTO_TCP …
uint8_t NumberOf(Protocol protocol);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_NAT_H_
