// SPDX-License-Identifier: Apache-2.0
// The options that join, agent and node share, and what follows from them
// together with the files that join wrote.
#ifndef CORACLE_AGENT_COMMAND_OPTIONS_H_
#define CORACLE_AGENT_COMMAND_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/paths.h"

namespace CLI {
class App;
}

namespace agent::command {

struct NodeOptions {
  std::string node_name, node_ip, root_dir = "/", cri_socket, config;
};

// --node-name, --node-ip, --root-dir, --cri-socket, --config.
void AddNodeOptions(CLI::App& app, NodeOptions* options);

// Checks a node name: a lower-case DNS-1123 subdomain.
absl::Status CheckNodeName(const std::string& name);

// The host name in lower case.
absl::StatusOr<std::string> DefaultNodeName();

// The flags in kubeadm-flags.env, by name without dashes. Empty if there is no
// such file.
absl::StatusOr<std::map<std::string, std::string>> ReadFlagsEnv(
    const config::Paths& paths);

// "unix:///run/x.sock" or "/run/x.sock" → "/run/x.sock".
std::string SocketPath(const std::string& cri_socket);
// Where a daemon tells `coracle status` what it knows of its pods: beside the
// CRI server's own socket, else below the root directory.
std::string LocalSocket(const std::string& cri_socket,
                        const std::string& root_dir);

inline constexpr char kDefaultCriSocket[] = "unix:///run/coracle/coracle.sock";

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_OPTIONS_H_
