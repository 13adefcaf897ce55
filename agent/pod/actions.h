// SPDX-License-Identifier: Apache-2.0
// Desired minus actual = what to do next. Pure: the worker asks after every
// piece of news and carries out the answer, so nothing is remembered twice.
#ifndef CORACLE_AGENT_POD_ACTIONS_H_
#define CORACLE_AGENT_POD_ACTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "agent/status/spec.h"
#include "runtime/base/json.h"

namespace agent::pod {

using runtime::Json;

enum class RunState { kNone, kCreated, kRunning, kExited };

// The newest attempt of one container.
struct ContainerView {
  RunState state = RunState::kNone;
  bool current = false;  // it is in the newest sandbox, and that one is ready
  int exit_code = 0;
  bool started = false;       // running, startup probe and postStart done
  bool spec_changed = false;  // running with an older image
  bool unhealthy = false;     // a liveness or startup probe gave up on it
  bool replaced = false;      // we ended it because of spec_changed
};

struct ActualView {
  bool sandbox_ready = false;
  std::map<std::string, ContainerView> containers;
};

struct Kill {
  std::string container;
  bool replace = false;
  std::string message;  // of the Killing event
};

struct Actions {
  bool create_sandbox = false;
  // Every container has ended for good: stop what is left (sidecars, sandbox).
  bool finished = false;
  // Containers whose next attempt is due, in spec order. Back-off is the
  // caller's.
  std::vector<std::string> start;
  std::vector<Kill> kill;
};

Actions ComputeActions(const Json& pod, const ActualView& actual);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_ACTIONS_H_
