// SPDX-License-Identifier: Apache-2.0
// kubeconfig files: the current context of one as a ClientConfig, and the texts
// of those that a node needs.
#ifndef CORACLE_AGENT_API_KUBECONFIG_H_
#define CORACLE_AGENT_API_KUBECONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/api/http_client.h"

namespace agent::api {

// `source` names the text in errors; relative paths in it count from `dir`.
absl::StatusOr<ClientConfig> ParseKubeconfig(absl::string_view text,
                                             const std::string& source,
                                             const std::string& dir);
absl::StatusOr<ClientConfig> LoadKubeconfig(const std::string& path);

// A kubeconfig of one cluster, user and context, as kubelet and kubeadm write
// it: the CA inline, the credentials as file names or as token. JSON is YAML.
std::string FormatKubeconfig(const ClientConfig& config,
                             const std::string& cluster,
                             const std::string& user);

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_KUBECONFIG_H_
