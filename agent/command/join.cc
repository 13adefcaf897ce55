// SPDX-License-Identifier: Apache-2.0
// coracle join HOST:PORT: makes this host a node of a cluster.
#include "agent/join/join.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/command/command_line.h"
#include "agent/command/options.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

struct Options {
  NodeOptions node;
  join::JoinOptions join;
};

absl::Status Run(Options options) {
  join::JoinOptions& join = options.join;
  join.node_name = options.node.node_name;
  if (join.node_name.empty()) {
    ASSIGN_OR_RETURN(join.node_name, DefaultNodeName());
  }
  RETURN_IF_ERROR(CheckNodeName(join.node_name));
  join.node_ip = options.node.node_ip;
  join.cri_socket = options.node.cri_socket;
  join.config_file = options.node.config;
  join.paths = config::Paths(options.node.root_dir);
  const auto progress = [](absl::string_view line) {
    std::printf("[join] %.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(stdout);
  };
  RETURN_IF_ERROR(join::Join(join, progress, api::CancelToken()));
  std::string next = join.cri_socket.empty() ? "coracle node" : "coracle agent";
  if (join.paths.root != "/") {
    absl::StrAppend(&next, " --root-dir ", join.paths.root);
  }
  std::printf(
      "\nThis host has joined as node %s. Run it with:\n\n    %s\n\n"
      "and see it from the cluster with: kubectl get node %s\n",
      join.node_name.c_str(), next.c_str(), join.node_name.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddJoin(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "join", "Join a Kubernetes cluster as a node (like kubeadm join)");
  const auto options = std::make_shared<Options>();
  command
      ->add_option("endpoint", options->join.endpoint,
                   "HOST:PORT of the API server")
      ->required();
  command
      ->add_option("--token", options->join.token,
                   "Bootstrap token, abcdef.0123456789abcdef")
      ->required();
  command->add_option("--discovery-token-ca-cert-hash", options->join.pins,
                      "sha256:<hex> of the cluster CA's public key; may be "
                      "given several times");
  command->add_flag("--discovery-token-unsafe-skip-ca-verification",
                    options->join.skip_ca_verification,
                    "Trust the token alone to find the CA");
  AddNodeOptions(*command, &options->node);
  command->footer(
      "`kubeadm token create --print-join-command` on the control plane prints "
      "the values.\nNothing is written unless cluster and token were verified; "
      "a join that was\ninterrupted afterwards is finished by `coracle node`.");
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
