// SPDX-License-Identifier: Apache-2.0
// coracle check: is this host fit to be a node?
#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "agent/command/command_line.h"
#include "agent/command/probes.h"

namespace agent::command {
namespace {

absl::Status Run() {
  int missing = 0, limited = 0;
  for (const auto probe : {ProbeKernel, ProbeCgroups, ProbeCapabilities,
                           ProbeNetwork, ProbeHost}) {
    for (const Finding& finding : probe()) {
      const char* word = finding.verdict == Verdict::kGood      ? "ok     "
                         : finding.verdict == Verdict::kLimited ? "limited"
                                                                : "missing";
      std::printf("%s  %s: %s\n", word, finding.subject.c_str(),
                  finding.text.c_str());
      if (!finding.help.empty()) {
        std::printf("         -> %s\n", finding.help.c_str());
      }
      missing += finding.verdict == Verdict::kMissing;
      limited += finding.verdict == Verdict::kLimited;
    }
  }
  std::fflush(stdout);
  if (missing > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this host cannot be a node yet: ", missing, " thing(s) missing"));
  }
  std::printf("\nThis host can be a node%s.\n",
              limited > 0 ? ", with the limits above" : "");
  return absl::OkStatus();
}

}  // namespace

void AddCheck(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "check", "Tell whether this host is fit to be a node, and what is not");
  command->callback([action] { *action = Run; });
}

}  // namespace agent::command
