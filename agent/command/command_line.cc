// SPDX-License-Identifier: Apache-2.0
#include "agent/command/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/text.h"

namespace agent::command {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Coracle runs Kubernetes pods: node agent, CRI server and container "
      "runtime in one.",
      "coracle");
  app.require_subcommand(1);
  Action action;
  for (const auto add :
       {AddJoin, AddNode, AddAgent, AddCri, AddConfig, AddStatus, AddLogs,
        AddImage, AddCheck, AddDown, AddVersion}) {
    add(app, &action);
  }
  // After them, because a subcommand starts with the footer of its parent.
  app.footer(
      "Examples:\n"
      "  coracle check                       is this host fit to be a node?\n"
      "  coracle join 10.0.0.1:6443 --token abcdef.0123456789abcdef \\\n"
      "      --discovery-token-ca-cert-hash sha256:…   join a cluster, then\n"
      "  coracle node                        run the node that joined\n"
      "  coracle node --pod-manifest-dir D   run pods from files, no cluster\n"
      "  coracle status                      what runs here, what waits, why\n"
      "\n"
      "`coracle COMMAND --help` tells more of each.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  const absl::Status status = action();
  if (status.ok()) return 0;
  std::string message = "coracle: ";
  for (absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    absl::StrAppend(&message, runtime::OneLine(line), "\n");
  }
  std::fputs(message.c_str(), stderr);
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

}  // namespace agent::command
