// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_LAUNCH_INIT_H_
#define CORACLE_RUNTIME_LAUNCH_INIT_H_

#include "runtime/launch/plan.h"
#include "runtime/launch/report.h"

namespace runtime::launch {

// Bytes on the socket between set-up and init.
inline constexpr char kBuilt = 'B';  // init → set-up: mounts done, not pivoted
inline constexpr char kHooked = 'H';  // set-up → init: runtime hooks ran
inline constexpr char kReady = 'R';   // init → set-up; a terminal comes along
inline constexpr char kTold = 'T';    // set-up → exec: the keeper knows you
inline constexpr char kFault = 'F';   // init → set-up: I reported a failure

// The container's process 1, from clone to exec: alone in its namespaces,
// single-threaded, everything that can be prepared is in `plan`.
[[noreturn]] void RunInit(Plan* plan, int socket);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_INIT_H_
