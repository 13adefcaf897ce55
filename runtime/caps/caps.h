// SPDX-License-Identifier: Apache-2.0
// Capabilities of a process that is about to exec. Raw world: system calls
// only. Capabilities that the runtime itself lacks cannot be given and are left
// out, so that a container also starts on a host that trims them.
#ifndef CORACLE_RUNTIME_CAPS_CAPS_H_
#define CORACLE_RUNTIME_CAPS_CAPS_H_

#include <stdint.h>

#include "runtime/spec/plain.h"

namespace runtime::caps {

// What this process has in its permitted set; 0 if that cannot be read.
uint64_t Permitted();

// Step 1, still with all privileges: shrinks the bounding set and asks the
// kernel to keep capabilities over setuid. 0 or an errno.
int LimitBounding(const spec::Capabilities& wanted);

// Step 2, after setuid: sets all five sets exactly (less what is not
// permitted). Inheritable and ambient are empty unless asked for.
int Apply(const spec::Capabilities& wanted);

}  // namespace runtime::caps

#endif  // CORACLE_RUNTIME_CAPS_CAPS_H_
