// SPDX-License-Identifier: Apache-2.0
// The command line of `coracle`: one function per subcommand, each in a file of
// its own, adds its options and says what to run.
#ifndef CORACLE_AGENT_COMMAND_COMMAND_LINE_H_
#define CORACLE_AGENT_COMMAND_COMMAND_LINE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace agent::command {

// Parses, runs the chosen subcommand and prints its error. The exit code is 0,
// 1 for a failure, 2 for a wrong command line.
int Main(int argc, char** argv);

// Set by the chosen subcommand's parse callback.
using Action = std::function<absl::Status()>;

void AddAgent(CLI::App& app, Action* action);
void AddCheck(CLI::App& app, Action* action);
void AddConfig(CLI::App& app, Action* action);
void AddCri(CLI::App& app, Action* action);
void AddDown(CLI::App& app, Action* action);
void AddImage(CLI::App& app, Action* action);
void AddJoin(CLI::App& app, Action* action);
void AddLogs(CLI::App& app, Action* action);
void AddNode(CLI::App& app, Action* action);
void AddStatus(CLI::App& app, Action* action);
void AddVersion(CLI::App& app, Action* action);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_COMMAND_LINE_H_
