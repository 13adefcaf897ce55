// SPDX-License-Identifier: Apache-2.0
// coracle down: ends every pod of a stopped daemon and removes what they, the
// agent and the network left on this host.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/command/command_line.h"
#include "agent/config/paths.h"
#include "agent/pod/cgroup.h"
#include "agent/pod/log_links.h"
#include "agent/volume/manager.h"
#include "cri/config/config.h"
#include "cri/sandbox/record_file.h"
#include "cri/sandbox/sandbox.h"
#include "cri/server/make_network.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin.h"
#include "runtime/spec/spec.h"

namespace agent::command {
namespace {

struct Options {
  std::string config;
  std::string root_dir = "/";
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

// What the CRI server knows of a pod that ran here.
struct Pod {
  std::string uid, log_directory;
};

absl::StatusOr<std::vector<Pod>> ReadPods(const ::cri::config::Config& config) {
  std::vector<Pod> pods;
  const std::string records = runtime::JoinPath(config.root, "sandboxes");
  if (!runtime::Exists(records)) return pods;
  const auto load = [&](const std::string&, const runtime::Json& body) {
    ::cri::sandbox::Sandbox sandbox(nullptr);
    RETURN_IF_ERROR(sandbox.FromRecord(body));
    pods.push_back(
        {sandbox.config.metadata().uid(), sandbox.config.log_directory()});
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(::cri::sandbox::LoadRecords(records, load));
  return pods;
}

// Volumes, directories, logs and cgroups that an agent made for these pods.
// Other pods of this host, which another kubelet runs, keep theirs.
absl::Status RemovePodFiles(const std::vector<Pod>& pods,
                            const config::Paths& paths, bool systemd) {
  const auto volumes = volume::MakeManager({paths.kubelet_dir, nullptr, {}});
  pod::CgroupSettings settings;
  settings.systemd = systemd;
  const auto cgroups = pod::MakeCgroups("/", pod::DetectCgroups(), settings);
  for (const Pod& pod : pods) {
    if (!runtime::spec::IsValidId(pod.uid)) continue;  // no agent made files
    RETURN_IF_ERROR(volumes->Unmount(pod.uid));
    RETURN_IF_ERROR(runtime::RemoveTree(
        absl::StrCat(paths.kubelet_dir, "/pods/", pod.uid)));
    RETURN_IF_ERROR(pod::EndPod(*cgroups, pod.uid));
    if (absl::StartsWith(pod.log_directory,
                         absl::StrCat(paths.pod_logs_dir, "/"))) {
      RETURN_IF_ERROR(runtime::RemoveTree(pod.log_directory));
    }
  }
  cgroups->RemoveIfEmpty();
  return pod::RemoveDeadLogLinks(paths.container_logs_dir, paths.pod_logs_dir);
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const ::cri::config::Config config,
                   ::cri::config::Load(options.config, {}));
  if (!runtime::Exists(config.state) && !options.all) {
    std::printf("nothing runs here: %s does not exist\n", config.state.c_str());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<Pod> known, ReadPods(config));
  ASSIGN_OR_RETURN(const size_t pods, EndPods(config));
  const absl::Status network = ::cri::server::RemoveNetwork(config);
  RETURN_IF_ERROR(RemovePodFiles(known, config::Paths(options.root_dir),
                                 config.cgroup_driver == "systemd"));
  // Last: they say whose files are left to the next call.
  for (const char* records : {"sandboxes", "containers"}) {
    RETURN_IF_ERROR(
        runtime::RemoveTree(runtime::JoinPath(config.root, records)));
  }
  // The state directory says that something is left to do.
  if (network.ok()) RETURN_IF_ERROR(runtime::RemoveTree(config.state));
  if (options.all) RETURN_IF_ERROR(runtime::RemoveTree(config.root));
  RETURN_IF_ERROR(runtime::Annotate(
      network, "all is gone but this, to be tried again by the next call"));
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
  command->add_option("--root-dir", options->root_dir,
                      "Directory below which the agent's files lie, as given "
                      "to coracle node (default: /)");
  command->add_flag("--all", options->all, "Remove the image store as well");
  command->footer(
      "Stop the daemon first (a daemon that runs would make its pods anew).\n"
      "Example:\n"
      "  coracle down --all");
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
