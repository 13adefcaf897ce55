// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_handlers.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

Finding Look(const std::string& name,
             const ::cri::config::HandlerConfig& handler, bool both_cgroups) {
  Finding finding;
  finding.subject = absl::StrCat("handler ", name);
  finding.text = handler.path;
  if (access(handler.path.c_str(), X_OK) != 0) {
    finding.verdict = Verdict::kLimited;
    finding.text = std::string(runtime::ErrnoStatus(handler.path).message());
    finding.help = absl::StrCat("install it, or correct handlers.", name,
                                ".path in ", ::cri::config::kDefaultFile);
  } else if (both_cgroups && absl::EndsWith(handler.path, "/crun")) {
    finding.verdict = Verdict::kLimited;
    finding.text =
        "crun refuses hosts whose controllers are of both versions of cgroups";
    finding.help = "boot with systemd.unified_cgroup_hierarchy=1, or use runc";
  }
  return finding;
}

}  // namespace

std::vector<Finding> HandlerFindings(const ::cri::config::Config& config,
                                     bool both_cgroups) {
  std::vector<Finding> findings;
  for (const auto& [name, handler] : config.handlers) {
    if (handler.type != "oci") continue;
    findings.push_back(Look(name, handler, both_cgroups));
  }
  return findings;
}

std::vector<Finding> ProbeHandlers(const ::cri::config::Config& config) {
  const std::string controllers =
      runtime::ReadFile("/sys/fs/cgroup/unified/cgroup.controllers")
          .value_or("");
  return HandlerFindings(config, !controllers.empty());
}

}  // namespace agent::command
