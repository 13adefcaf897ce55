// SPDX-License-Identifier: Apache-2.0
// Is this host fit to be a node? Each probe looks at one thing, changes nothing
// that outlives it, and says in words what is wrong and what helps.
#ifndef CORACLE_AGENT_COMMAND_PROBES_H_
#define CORACLE_AGENT_COMMAND_PROBES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace agent::command {

enum class Verdict { kGood, kLimited, kMissing };

struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string subject;  // "overlayfs"
  std::string text;     // what was found
  std::string help;     // what to do; "" if good
};

std::vector<Finding> ProbeKernel();
std::vector<Finding> ProbeCapabilities();
// With pod networks by CNI, or by the built-in bridge.
std::vector<Finding> ProbeNetwork(bool cni);
std::vector<Finding> ProbeHost();
std::vector<Finding> ProbeSecurity();

// Pieces that need no host.
// Names out of `wanted` (bit numbers by name) that a CapEff line lacks.
std::vector<std::string> MissingCapabilities(absl::string_view status);
// Limits of the kernel that are too low, and br_netfilter if it is missing;
// `read` gives the value of a file below /proc/sys, -1 if there is none.
std::vector<Finding> CheckSysctls(
    const std::function<int64_t(const std::string&)>& read);
// By the errno of a question to nf_tables, 0 if it was answered.
Finding CheckNftables(int error, bool cni);
// Whether the mount that `path` lies on is shared.
bool IsShared(absl::string_view mountinfo, absl::string_view path);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_PROBES_H_
