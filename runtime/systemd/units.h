// SPDX-License-Identifier: Apache-2.0
// What is asked of systemd, over its own socket /run/systemd/private: no D-Bus
// daemon is needed. Transient units only; their cgroups are where slice.h says.
//
// Each function has a connection of its own: all are thread safe. Each blocks
// until systemd has done all that it asks for (a call or two, and the end of
// the job), and gives up 30 seconds after it began, connecting included: the
// job may still be done then. A systemd that reloads answers late, one that
// hangs never: not for threads on which others wait. Errors begin with
// "systemd: " and name call and unit. UNAVAILABLE if no systemd answers.
#ifndef CORACLE_RUNTIME_SYSTEMD_UNITS_H_
#define CORACLE_RUNTIME_SYSTEMD_UNITS_H_

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"

namespace runtime::systemd {

// Of systemd's numbers, as in "TasksMax=infinity".
inline constexpr uint64_t kInfinity = std::numeric_limits<uint64_t>::max();

// A property as systemd's D-Bus interface takes it: "MemoryMax", in bytes;
// "CPUQuotaPerSecUSec", in microseconds.
struct Property {
  std::string name;
  std::variant<bool, uint64_t, std::string> value;
};
using Properties = std::vector<Property>;

// OK if systemd manages this host and answers.
absl::Status CheckReachable();

// A scope with the process `first` in it, whose cgroup is delegated: what is
// below it is the caller's alone and systemd never writes there. It goes by
// itself when its last process has ended. A slice that is not there is made,
// and goes with its last scope. ALREADY_EXISTS if the scope runs.
absl::Status StartScope(const std::string& scope, const std::string& slice,
                        pid_t first);

// Starts a slice with these limits. One that runs gets the properties.
absl::Status StartSlice(const std::string& slice, const Properties& properties);

// Ends what runs in the unit, which is forgotten. Unknown: OK.
absl::Status Stop(const std::string& unit);

}  // namespace runtime::systemd

#endif  // CORACLE_RUNTIME_SYSTEMD_UNITS_H_
