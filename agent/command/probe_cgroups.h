// SPDX-License-Identifier: Apache-2.0
// Has this host the cgroup controllers that pods need, where the runtime looks
// for them?
#ifndef CORACLE_AGENT_COMMAND_PROBE_CGROUPS_H_
#define CORACLE_AGENT_COMMAND_PROBE_CGROUPS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/command/probes.h"
#include "runtime/cgroup/layout.h"

namespace agent::command {

std::vector<Finding> ProbeCgroups();

// What a host shows of its cgroups.
struct CgroupView {
  absl::StatusOr<runtime::cgroup::Layout> layout;
  std::string unified;      // cgroup.controllers of the v2 hierarchy's root
  std::string kernel;       // /proc/cgroups
  bool huge_pages = false;  // it has pages of other sizes
  // Whether this directory can be written to.
  std::function<bool(const std::string&)> writable;
};
std::vector<Finding> CgroupFindings(const CgroupView& view);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBE_CGROUPS_H_
