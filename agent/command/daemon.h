// SPDX-License-Identifier: Apache-2.0
// `coracle node` and `coracle agent`: wires the rooms of the agent together,
// with a CRI server in process or one behind a socket.
#ifndef CORACLE_AGENT_COMMAND_DAEMON_H_
#define CORACLE_AGENT_COMMAND_DAEMON_H_

#include <string>

#include "absl/status/status.h"
#include "agent/command/options.h"

namespace agent::command {

struct DaemonOptions {
  NodeOptions node;
  bool cri_in_process = false;
  std::string cri_config;        // file of the CRI server in process
  std::string pod_manifest_dir;  // static pods; wins over staticPodPath
  std::string pod_cidr;          // of a standalone node
};

// Runs until SIGTERM or SIGINT; pods keep running. An error says why the
// daemon could not start.
absl::Status RunDaemon(const DaemonOptions& options);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_DAEMON_H_
