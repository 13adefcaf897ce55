// SPDX-License-Identifier: Apache-2.0
// Which processes are in nested cgroups: those that a container made in its
// own.
#ifndef CORACLE_RUNTIME_CGROUP_PROCESSES_H_
#define CORACLE_RUNTIME_CGROUP_PROCESSES_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace runtime::cgroup {

// Appends the processes of all cgroups below `directory`, up to 32 deep, not
// its own. One stat(2) where there are none. What goes meanwhile is left out.
void AddProcessesBelow(const std::string& directory, std::vector<pid_t>& out);

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_PROCESSES_H_
