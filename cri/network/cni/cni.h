// SPDX-License-Identifier: Apache-2.0
// The network by standard CNI: configuration from a directory, plugins run as
// programs or, where all of a list is understood, in this process.
#ifndef CORACLE_CRI_NETWORK_CNI_CNI_H_
#define CORACLE_CRI_NETWORK_CNI_CNI_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cri/network/network.h"

namespace cri::network {

struct CniOptions {
  std::string state_dir;  // <state_dir>/network holds the pod CIDR last told
  std::string owner;      // marks our attachments: the server's root directory
  std::string pod_cidr;   // for plugins with the capability ipRanges
  std::string conf_dir = "/etc/cni/net.d";
  std::vector<std::string> bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
  std::string cache_dir = "/var/lib/cni";  // libcni's
  std::string netns_dir = "/run/netns";    // names of the pods' namespaces
  absl::Duration timeout =
      absl::Minutes(2);    // of one ADD or DEL of all plugins
  bool in_process = true;  // false: all plugins are run as programs
};

std::unique_ptr<Network> MakeCniNetwork(const CniOptions& options);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_CNI_CNI_H_
