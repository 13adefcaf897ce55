// SPDX-License-Identifier: Apache-2.0
// coracle node: agent and CRI server in one process.
#include <CLI/CLI.hpp>
#include <memory>

#include "agent/command/command_line.h"
#include "agent/command/daemon.h"

namespace agent::command {

void AddNode(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "node", "Run this host as a node: agent and CRI server in one process");
  const auto options = std::make_shared<DaemonOptions>();
  options->cri_in_process = true;
  AddNodeOptions(*command, &options->node);
  command->add_option("--cri-config", options->cri_config,
                      "Configuration file of the CRI server "
                      "(default: /etc/coracle/config.yaml)");
  command->add_option("--pod-manifest-dir", options->pod_manifest_dir,
                      "Directory of static pods; without a cluster this is all "
                      "that the node runs");
  command->add_option("--pod-cidr", options->pod_cidr,
                      "Addresses of pods on a node without a cluster "
                      "(default: 10.88.0.0/24)");
  command->footer(
      "Examples:\n"
      "  coracle node                                after coracle join\n"
      "  coracle node --pod-manifest-dir ./pods      no cluster at all\n"
      "\n"
      "SIGTERM ends the daemon; pods keep running and the next one adopts "
      "them.");
  command->callback([=] { *action = [=] { return RunDaemon(*options); }; });
}

}  // namespace agent::command
