// SPDX-License-Identifier: Apache-2.0
// coracle status: what runs here, what waits, and why.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "agent/command/command_line.h"
#include "agent/command/options.h"
#include "agent/command/view.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

struct Options {
  std::string cri_socket = kDefaultCriSocket, root_dir = "/";
  std::string output = "table";
};

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const View view,
                   LoadView(options.cri_socket, options.root_dir));
  const std::string text = options.output == "json"
                               ? runtime::DumpJson(ViewJson(view)) + "\n"
                               : FormatView(view, absl::Now());
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddStatus(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "status", "Show the pods of this host, what waits and why");
  const auto options = std::make_shared<Options>();
  command->add_option("--cri-socket", options->cri_socket, "CRI endpoint")
      ->capture_default_str();
  command->add_option("--root-dir", options->root_dir,
                      "Root directory of the agent");
  command->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
