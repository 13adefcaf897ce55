// SPDX-License-Identifier: Apache-2.0
// The credentials of a node on disk, in kubelet's layout:
//   pki/kubelet-client-<time>.pem      certificate and key, 0600
//   pki/kubelet-client-current.pem     symlink to the newest, swapped by rename
//   pki/kubelet-client.key.tmp         a key whose request is under way
//   etc/kubernetes/kubelet.conf        names the symlink
// Everything is durable before it is used. Called by one thread at a time.
#ifndef CORACLE_AGENT_JOIN_STORE_H_
#define CORACLE_AGENT_JOIN_STORE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/paths.h"
#include "agent/join/pki.h"

namespace agent::join {

// The key of the request under way, made and written if there is none.
absl::StatusOr<std::string> PendingKey(const config::Paths& paths);

// Writes certificate and key, swaps the symlink and drops the pending key.
absl::Status StoreClientCertificate(const config::Paths& paths,
                                    const std::string& cert_pem,
                                    const std::string& key_pem);

// The current client certificate. NOT_FOUND if there is none.
absl::StatusOr<Certificate> CurrentClientCertificate(
    const config::Paths& paths);

// Writes kubelet.conf for the cluster that the bootstrap kubeconfig names.
absl::Status WriteKubeconfig(const config::Paths& paths,
                             const std::string& server,
                             const std::string& ca_pem);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_STORE_H_
