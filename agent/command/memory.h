// SPDX-License-Identifier: Apache-2.0
// How a daemon stays small: it has many threads and little to do.
#ifndef CORACLE_AGENT_COMMAND_MEMORY_H_
#define CORACLE_AGENT_COMMAND_MEMORY_H_

#include "absl/time/time.h"

namespace agent::command {

// How often a daemon lets go of what it does not use.
inline constexpr absl::Duration kReleasePeriod = absl::Minutes(1);

// Fewer malloc arenas than threads, and freed memory given back. Before the
// first thread starts.
void TuneAllocator();

// Gives back to the kernel what the start or a burst of pods left behind: free
// memory of malloc, and the pages of program files that are mapped. Those that
// are still used come back from the page cache at their next use. Thread safe.
void ReleaseUnused();

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_MEMORY_H_
