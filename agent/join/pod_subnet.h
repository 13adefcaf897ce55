// SPDX-License-Identifier: Apache-2.0
// The addresses of all nodes' pods, as kubeadm wrote them down when it made the
// cluster. The CRI server's built-in network does not masquerade what goes
// there (its setting cluster_cidr).
#ifndef CORACLE_AGENT_JOIN_POD_SUBNET_H_
#define CORACLE_AGENT_JOIN_POD_SUBNET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/api/client.h"
#include "agent/config/paths.h"

namespace agent::join {

// networking.podSubnet of the ConfigMap kubeadm-config, which both a bootstrap
// token and a node may read. "" if there is none: kubeadm has not made this
// cluster, or was told nothing of pods. Other errors as they are.
absl::StatusOr<std::string> FetchPodSubnet(api::Client& client);

// Keeps it for StoredPodSubnet; "" forgets what another cluster said.
absl::Status StorePodSubnet(const config::Paths& paths,
                            const std::string& subnet);

// What a join has stored; "" if nothing. Any thread.
absl::StatusOr<std::string> StoredPodSubnet(const config::Paths& paths);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_POD_SUBNET_H_
