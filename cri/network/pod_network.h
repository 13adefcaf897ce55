// SPDX-License-Identifier: Apache-2.0
// What a network is told of a pod and what it tells back. Plain values.
#ifndef CORACLE_CRI_NETWORK_POD_NETWORK_H_
#define CORACLE_CRI_NETWORK_POD_NETWORK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cri::network {

enum class Protocol { kTcp, kUdp, kSctp };

struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  uint16_t container_port = 0;
  uint16_t host_port = 0;  // never 0: ports without one need no mapping
  std::string host_ip;     // "" = every address of the node
  friend bool operator==(const PortMapping&, const PortMapping&) = default;
};

// Whether a packet could be meant for both. "" stands for every address of the
// node, 0.0.0.0 and :: for every one of their family.
bool Meet(const PortMapping& a, const PortMapping& b);
// Whether both are one host port, however its address is written. One for every
// address of the node and one for one of them are two: the latter goes first.
bool AreOne(const PortMapping& a, const PortMapping& b);

struct Dns {
  std::vector<std::string> servers, searches, options;
};

struct PodNetwork {
  std::string sandbox_id;
  std::string name, pod_namespace, uid;
  std::string hostname;
  // The pod's network namespace, open and as a path that other processes of
  // the node can open too (CNI_NETNS); -1 and "" once it is gone.
  int netns_fd = -1;
  std::string netns_path;
  std::vector<PortMapping> ports;
  std::map<std::string, std::string> annotations;
  Dns dns;
  std::string cgroup_parent;
  bool stopping = false;  // told by Recover's caller, who is to Teardown it
};

struct PodAddresses {
  std::vector<std::string> ips;  // the first is the primary one
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_POD_NETWORK_H_
