// SPDX-License-Identifier: Apache-2.0
// coracle down: ends every pod of a stopped daemon and removes what they and
// the network left on this host.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/command/command_line.h"
#include "cri/config/config.h"
#include "cri/network/network.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin.h"

namespace agent::command {
namespace {

struct Options {
  std::string config;
  bool all = false;
};

// Ends all holders with their containers, then the launcher.
absl::StatusOr<size_t> EndPods(const ::cri::config::Config& config) {
  const auto handler = runtime::MakeBuiltinHandler(
      {.state_dir = config.state,
       .launcher_binary = ::cri::config::LauncherPath(config)});
  ASSIGN_OR_RETURN(const auto sandboxes, handler->Recover());
  for (const runtime::SandboxState& sandbox : sandboxes) {
    RETURN_IF_ERROR(handler->RemoveSandbox(sandbox.id));
  }
  RETURN_IF_ERROR(runtime::StopLauncher(config.state));
  return sandboxes.size();
}

// The kubepods tree stays as long as any pod's cgroup is in it: rmdir refuses.
void RemoveEmptyCgroups(const std::string& hierarchy) {
  const std::string top = runtime::JoinPath(hierarchy, "kubepods");
  for (const char* tier : {"besteffort", "burstable"}) {
    rmdir(runtime::JoinPath(top, tier).c_str());
  }
  rmdir(top.c_str());
}

void RemovePodCgroups() {
  constexpr char kMount[] = "/sys/fs/cgroup";
  RemoveEmptyCgroups(kMount);
  const auto hierarchies = runtime::ListDir(kMount);
  if (!hierarchies.ok()) return;  // no cgroups on this host
  for (const std::string& name : *hierarchies) {
    RemoveEmptyCgroups(runtime::JoinPath(kMount, name));
  }
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const ::cri::config::Config config,
                   ::cri::config::Load(options.config, {}));
  if (!runtime::Exists(config.state) && !options.all) {
    std::printf("nothing runs here: %s does not exist\n", config.state.c_str());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const size_t pods, EndPods(config));
  ::cri::network::NetworkOptions network;
  network.state_dir = config.state;
  network.bridge = config.bridge;
  network.pod_cidr = config.pod_cidr;
  RETURN_IF_ERROR(::cri::network::RemoveBridgeNetwork(network));
  for (const char* records : {"sandboxes", "containers"}) {
    RETURN_IF_ERROR(
        runtime::RemoveTree(runtime::JoinPath(config.root, records)));
  }
  RemovePodCgroups();
  RETURN_IF_ERROR(runtime::RemoveTree(config.state));
  if (options.all) RETURN_IF_ERROR(runtime::RemoveTree(config.root));
  std::printf("ended %zu pods; launcher, network and records are gone%s\n",
              pods, options.all ? ", images too" : "; images stay");
  return absl::OkStatus();
}

}  // namespace

void AddDown(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "down", "End all pods of a stopped daemon and remove what they left");
  const auto options = std::make_shared<Options>();
  command->add_option(
      "--config", options->config,
      absl::StrCat("Configuration file of the daemon (default: ",
                   ::cri::config::kDefaultFile, ")"));
  command->add_flag("--all", options->all, "Remove the image store as well");
  command->footer(
      "Stop the daemon first (a daemon that runs would make its pods anew).\n"
      "Example:\n"
      "  coracle down --all");
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
