// SPDX-License-Identifier: Apache-2.0
// coracle agent: the node agent alone, over the CRI server of a socket.
#include <CLI/CLI.hpp>
#include <memory>

#include "agent/command/command_line.h"
#include "agent/command/daemon.h"

namespace agent::command {

void AddAgent(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "agent", "Run the node agent alone, over any CRI runtime's socket");
  const auto options = std::make_shared<DaemonOptions>();
  AddNodeOptions(*command, &options->node);
  command->add_option("--pod-manifest-dir", options->pod_manifest_dir,
                      "Directory of static pods");
  command->footer(
      "Examples:\n"
      "  coracle agent --cri-socket unix:///run/coracle/coracle.sock\n"
      "  coracle agent --cri-socket unix:///run/containerd/containerd.sock");
  command->callback([=] { *action = [=] { return RunDaemon(*options); }; });
}

}  // namespace agent::command
