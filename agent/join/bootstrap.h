// SPDX-License-Identifier: Apache-2.0
// TLS bootstrap: from a token to a client certificate of the node's own, and
// its renewal. Resumable at every point: the key is on disk before the request
// is posted, and the request's name follows from the key.
#ifndef CORACLE_AGENT_JOIN_BOOTSTRAP_H_
#define CORACLE_AGENT_JOIN_BOOTSTRAP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/config/paths.h"

namespace agent::join {

// Makes sure that kubelet.conf and a valid client certificate of `node_name`
// exist; asks for one with the bootstrap kubeconfig if not. NOT_FOUND if there
// is neither kubelet.conf nor a bootstrap kubeconfig: the node never joined.
absl::Status EnsureClientCertificate(const config::Paths& paths,
                                     const std::string& node_name,
                                     absl::Duration wait,
                                     const api::CancelToken& cancel);

// The node name that the current client certificate carries; NOT_FOUND if
// there is no certificate.
absl::StatusOr<std::string> NodeNameOfCertificate(const config::Paths& paths);

// Asks for the next client certificate with the present one and stores it.
// The caller then reloads its client's credentials.
absl::Status RenewClientCertificate(const config::Paths& paths,
                                    const std::string& node_name,
                                    api::Client& client,
                                    const api::CancelToken& cancel);

// When to renew: notBefore plus 70 to 90 % of the lifetime, by `random` in
// [0, 1].
absl::Time RenewalTime(absl::Time not_before, absl::Time not_after,
                       double random);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_BOOTSTRAP_H_
