// SPDX-License-Identifier: Apache-2.0
// What an OCI config has to be told in full when somebody else's runtime reads
// it: which namespaces are the pod's, and nothing that this process may not
// give. Pure functions on JSON, no system calls but in Privileges::Own.
#ifndef CORACLE_RUNTIME_EXTERNAL_ADAPT_H_
#define CORACLE_RUNTIME_EXTERNAL_ADAPT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/json.h"

namespace runtime::external {

// Runtimes fail where they lack a privilege; ours goes on without. So what a
// config asks for is cut before they see it.
struct Privileges {
  uint64_t capabilities = ~uint64_t{0};  // a bit for each that can be given
  int least_oom_score_adj = -1000;
  std::map<std::string, uint64_t> hard_limits;  // by "RLIMIT_…"; absent: any

  // Those of this process.
  static Privileges Own();
};

// Cuts capabilities, rlimits and oomScoreAdj of an OCI process object.
void Clamp(const Privileges& privileges, Json* process);

// A runtime's own words for why `create` failed. If they tell of a cgroup file
// that one field of linux.resources is written to: INVALID_ARGUMENT with that
// field first, as the built-in runtime has it.
absl::Status NameLimit(const Json& config, const absl::Status& created);

// Type of an OCI namespace and the path where it is found.
using Namespaces = std::vector<std::pair<std::string, std::string>>;

// Lets the container join those of the pod's that its config does not name.
void JoinPod(const Namespaces& pod, Json* config);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_ADAPT_H_
