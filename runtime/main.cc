// SPDX-License-Identifier: Apache-2.0
#include "runtime/command/command.h"

int main(int argc, char** argv) { return runtime::command::Main(argc, argv); }
