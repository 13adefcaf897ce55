// SPDX-License-Identifier: Apache-2.0
// `coracle join`: what kubeadm join does for a worker. Nothing is written
// before the cluster is verified, the token is accepted, and flags and the
// node's configuration are such that the node will start with them.
#ifndef CORACLE_AGENT_JOIN_JOIN_H_
#define CORACLE_AGENT_JOIN_JOIN_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/api/client.h"
#include "agent/config/paths.h"

namespace agent::join {

struct JoinOptions {
  std::string endpoint;  // HOST:PORT
  std::string token;
  std::vector<std::string> pins;
  bool skip_ca_verification = false;
  std::string node_name;
  std::string node_ip;      // "" = detect at start
  std::string cri_socket;   // "" = the built-in one
  std::string config_file;  // "" = the cluster's kubelet-config
  config::Paths paths{"/"};
};

// `progress` gets one line for each step done. INVALID_ARGUMENT for bad
// options; every error is one sentence for the user.
absl::Status Join(const JoinOptions& options,
                  const std::function<void(absl::string_view)>& progress,
                  const api::CancelToken& cancel);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_JOIN_H_
