// SPDX-License-Identifier: Apache-2.0
// What a daemon with a CRI server does on SIGHUP.
#ifndef CORACLE_AGENT_COMMAND_RELOAD_H_
#define CORACLE_AGENT_COMMAND_RELOAD_H_

#include "cri/server/server.h"

namespace agent::command {

// Logs what was taken over, or why nothing, once the memory is given back that
// is not used any more.
void ReloadCri(::cri::server::Server& server);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_RELOAD_H_
