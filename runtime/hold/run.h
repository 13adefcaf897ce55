// SPDX-License-Identifier: Apache-2.0
// Commands that the daemon, which never forks, has the launcher run.
#ifndef CORACLE_RUNTIME_HOLD_RUN_H_
#define CORACLE_RUNTIME_HOLD_RUN_H_

#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/hold/wire.h"

namespace runtime::hold {

// Runs request.args with `fds` as standard output and error in a fork, which
// answers `peer` when it has ended; kills it if `peer` goes before, unless
// request.flags has kRunToTheEnd.
void RunCommand(const Request& request, const std::vector<UniqueFd>& fds,
                UniqueFd peer);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_RUN_H_
