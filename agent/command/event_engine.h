// SPDX-License-Identifier: Apache-2.0
// The timers of gRPC on an executor of ours, which sleeps while none is set.
// gRPC's own engine looks for timers once a second and keeps four threads. What
// its older code still times by itself, deadlines of calls among it, may be a
// second late.
#ifndef CORACLE_AGENT_COMMAND_EVENT_ENGINE_H_
#define CORACLE_AGENT_COMMAND_EVENT_ENGINE_H_

namespace agent::command {

// Before the process uses gRPC. The executor lives as long as the process.
void UseQuietEventEngine();

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_EVENT_ENGINE_H_
