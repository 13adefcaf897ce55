// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/command/command_line.h"

namespace agent::command {

void AddVersion(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->callback([action] {
    *action = [] {
      std::puts("coracle " CORACLE_VERSION);
      return absl::OkStatus();
    };
  });
}

}  // namespace agent::command
