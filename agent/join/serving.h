// SPDX-License-Identifier: Apache-2.0
// The certificate of the node's own HTTPS server: self-signed, or signed by the
// cluster if serverTLSBootstrap is set and someone approves the request.
#ifndef CORACLE_AGENT_JOIN_SERVING_H_
#define CORACLE_AGENT_JOIN_SERVING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/config/paths.h"

namespace agent::join {

struct ServingFiles {
  std::string cert_file, key_file;
};

// <pki>/kubelet.crt and kubelet.key, made anew if they are missing, expired, or
// lack one of the names.
absl::StatusOr<ServingFiles> SelfSignedServing(
    const config::Paths& paths, const std::string& node_name,
    const std::vector<std::string>& ips);

// Where RequestServing stores what the cluster signs.
ServingFiles ServingPath(const config::Paths& paths);

// The cluster's certificate in <pki>/kubelet-server-current.pem, NOT_FOUND if
// there is none that is valid for these names.
absl::StatusOr<ServingFiles> CurrentServing(
    const config::Paths& paths, const std::string& node_name,
    const std::vector<std::string>& ips);

// Asks the cluster for a serving certificate and stores it. Blocks until
// somebody approves, up to `wait`.
absl::StatusOr<ServingFiles> RequestServing(const config::Paths& paths,
                                            const std::string& node_name,
                                            const std::vector<std::string>& ips,
                                            api::Client& client,
                                            absl::Duration wait,
                                            const api::CancelToken& cancel);

// When to ask for the next one, by `random` in [0, 1]; the past if the file
// cannot be read.
absl::Time ServingRenewalTime(const ServingFiles& files, double random);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_SERVING_H_
