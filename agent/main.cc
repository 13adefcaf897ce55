// SPDX-License-Identifier: Apache-2.0
// `coracle`: the node agent, the CRI server and the tools around them.
#include "agent/command/command_line.h"

int main(int argc, char** argv) { return agent::command::Main(argc, argv); }
