// SPDX-License-Identifier: Apache-2.0
// coracle logs: a container's log on this host, without a cluster.
#include <CLI/CLI.hpp>
#include <memory>

#include "agent/command/command_line.h"
#include "agent/command/cri_view.h"
#include "agent/command/log_print.h"
#include "agent/command/options.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

struct Options {
  std::string cri_socket = kDefaultCriSocket;
  std::string pod, container;
  bool previous = false;
  PrintOptions print;
};

absl::Status Run(const Options& options) {
  CriView cri(options.cri_socket);
  ASSIGN_OR_RETURN(const ContainerLog log,
                   cri.Log(options.pod, options.container, options.previous));
  return PrintLog(log.path, options.print, [&] {
    const auto now = cri.Log(options.pod, options.container, options.previous);
    return now.ok() && now->path == log.path && now->running;
  });
}

}  // namespace

void AddLogs(CLI::App& app, Action* action) {
  CLI::App* command =
      app.add_subcommand("logs", "Print the log of a container on this host");
  const auto options = std::make_shared<Options>();
  command->add_option("pod", options->pod, "Pod name, or NAMESPACE/NAME")
      ->required();
  command->add_option("container", options->container,
                      "Container (needed if the pod has several)");
  command->add_option("--cri-socket", options->cri_socket, "CRI endpoint")
      ->capture_default_str();
  command->add_flag("-f,--follow", options->print.follow,
                    "Go on until the container ends");
  command->add_flag("-p,--previous", options->previous,
                    "The attempt before the present one");
  command->add_flag("-t,--timestamps", options->print.timestamps,
                    "Begin lines with their time");
  command->add_option("--tail", options->print.tail, "Only the last N lines")
      ->check(CLI::NonNegativeNumber);
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
