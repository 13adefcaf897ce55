// SPDX-License-Identifier: Apache-2.0
// Names and limits of the pods' slices, as a kubelet with the systemd driver
// has them. Pure.
#ifndef CORACLE_AGENT_POD_SLICES_H_
#define CORACLE_AGENT_POD_SLICES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/pod/resources.h"
#include "runtime/systemd/units.h"

namespace agent::pod {

// The slice below the cgroup `root` ("/") with these parts, kubepods first:
// {"kubepods", "burstable", "pod1-2"} is "kubepods-burstable-pod1_2.slice". A
// '-' would be a level of its own, so it becomes '_'.
std::string SliceName(absl::string_view root,
                      const std::vector<std::string>& parts);

// Limits as systemd takes them; `v2`: of a host with cgroup v2 alone.
runtime::systemd::Properties SliceProperties(const PodLimits& limits, bool v2);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_SLICES_H_
