// SPDX-License-Identifier: Apache-2.0
// coracle check: is this host fit to be a node?
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/command/command_line.h"
#include "agent/command/probe_cgroup_driver.h"
#include "agent/command/probe_cgroups.h"
#include "agent/command/probe_checkpoint.h"
#include "agent/command/probe_config.h"
#include "agent/command/probe_handlers.h"
#include "agent/command/probe_registries.h"
#include "runtime/base/text.h"

namespace agent::command {
namespace {

using runtime::OneLine;

// A configuration that cannot be read is one thing missing; the rest is looked
// at with the defaults.
::cri::config::Config ReadConfig(const std::string& file,
                                 std::vector<Finding>* findings) {
  const auto config = ::cri::config::Load(file, {});
  if (config.ok()) return *config;
  findings->push_back({Verdict::kMissing, "configuration",
                       std::string(config.status().message()),
                       "correct it (coracle config explain)"});
  return {};
}

absl::Status Run(const std::string& file) {
  int missing = 0, limited = 0;
  std::vector<Finding> broken;
  const ::cri::config::Config config = ReadConfig(file, &broken);
  std::vector<std::function<std::vector<Finding>()>> probes = {
      ProbeKernel,
      ProbeCgroups,
      [&] { return ProbeCgroupDriver(config); },
      ProbeCapabilities,
      [&] { return ProbeMounts(config); },
      ProbeSecurity,
      [&] { return ProbeNetwork(config.network == "cni"); },
      [&] { return ProbeCni(config); },
      ProbeHost,
      [&] { return ProbeStorage(config); },
      [&] { return broken; },
      [&] { return ProbeHandlers(config); },
      ProbeCheckpoints,
      [&] { return ProbeRegistries(config); }};
  for (const auto& probe : probes) {
    for (const Finding& finding : probe()) {
      const char* word = finding.verdict == Verdict::kGood      ? "ok     "
                         : finding.verdict == Verdict::kLimited ? "limited"
                                                                : "missing";
      std::printf("%s  %s: %s\n", word, OneLine(finding.subject).c_str(),
                  OneLine(finding.text).c_str());
      if (!finding.help.empty()) {
        std::printf("         -> %s\n", OneLine(finding.help).c_str());
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
  const auto file = std::make_shared<std::string>();
  command->add_option("--config", *file,
                      "Configuration file of the CRI server (default: "
                      "/etc/coracle/config.yaml)");
  command->callback(
      [action, file] { *action = [file] { return Run(*file); }; });
}

}  // namespace agent::command
