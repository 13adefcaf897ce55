// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/actions.h"

#include "absl/strings/str_cat.h"

namespace agent::pod {
namespace {

using status::ContainerKind;
using status::ContainerSpec;

ContainerView ViewOf(const ActualView& actual, const ContainerSpec& spec) {
  auto it = actual.containers.find(spec.name);
  return it == actual.containers.end() ? ContainerView() : it->second;
}

// Has a regular container ended for good?
bool Done(const Json& pod, const ContainerSpec& spec,
          const ContainerView& view) {
  return view.state == RunState::kExited && !view.replaced &&
         !status::RestartsAfter(pod, spec, view.exit_code);
}

bool AllDone(const Json& pod, const std::vector<ContainerSpec>& specs,
             const ActualView& actual) {
  bool any = false;
  for (const ContainerSpec& spec : specs) {
    if (spec.kind != ContainerKind::kRegular) continue;
    any = true;
    if (!Done(pod, spec, ViewOf(actual, spec))) return false;
  }
  return any;
}

// Ends a running container that must not go on as it is.
void MaybeKill(const ContainerSpec& spec, const ContainerView& view,
               Actions& actions) {
  if (view.state != RunState::kRunning) return;
  if (view.spec_changed) {
    actions.kill.push_back(
        {spec.name, true,
         absl::StrCat("Container ", spec.name,
                      " definition changed, will be restarted")});
  } else if (view.unhealthy) {
    actions.kill.push_back(
        {spec.name, false,
         absl::StrCat("Container ", spec.name,
                      " failed liveness probe, will be restarted")});
  }
}

// Walks the init containers. True if regular containers may run.
bool AdvanceInit(const Json& pod, const std::vector<ContainerSpec>& specs,
                 const ActualView& actual, bool init_done, Actions& actions) {
  for (const ContainerSpec& spec : specs) {
    if (spec.kind != ContainerKind::kInit) continue;
    ContainerView view = ViewOf(actual, spec);
    if (!view.current) view.state = RunState::kNone;
    if (spec.sidecar) {
      MaybeKill(spec, view, actions);
      bool runs = view.state == RunState::kRunning;
      if (!runs) actions.start.push_back(spec.name);
      if (!init_done && !(runs && view.started)) return false;
      continue;
    }
    if (init_done) continue;
    if (view.state == RunState::kExited) {
      if (view.exit_code == 0) continue;
      if (!status::RestartsAfter(pod, spec, view.exit_code)) {
        actions.finished = true;
        return false;
      }
    }
    if (view.state != RunState::kRunning) actions.start.push_back(spec.name);
    return false;
  }
  return true;
}

void StartRegular(const Json& pod, const std::vector<ContainerSpec>& specs,
                  const ActualView& actual, Actions& actions) {
  for (const ContainerSpec& spec : specs) {
    if (spec.kind != ContainerKind::kRegular) continue;
    ContainerView view = ViewOf(actual, spec);
    if (Done(pod, spec, view)) continue;
    if (!view.current) view.state = RunState::kNone;
    MaybeKill(spec, view, actions);
    if (view.state != RunState::kRunning) actions.start.push_back(spec.name);
  }
}

}  // namespace

Actions ComputeActions(const Json& pod, const ActualView& actual) {
  Actions actions;
  const std::vector<ContainerSpec> specs = status::Containers(pod);
  if (AllDone(pod, specs, actual)) {
    actions.finished = true;
    return actions;
  }
  // Init containers are done once if a regular one exists beside them: their
  // own records may be gone from the runtime.
  bool init_done = false;
  for (const ContainerSpec& spec : specs) {
    ContainerView view = ViewOf(actual, spec);
    init_done |= spec.kind == ContainerKind::kRegular && view.current &&
                 view.state != RunState::kNone;
  }
  actions.create_sandbox = !actual.sandbox_ready;
  for (const ContainerSpec& spec : specs) {
    if (spec.kind != ContainerKind::kEphemeral) continue;
    RunState state = ViewOf(actual, spec).state;
    if (state == RunState::kNone || state == RunState::kCreated) {
      actions.start.push_back(spec.name);
    }
  }
  if (AdvanceInit(pod, specs, actual, init_done, actions)) {
    StartRegular(pod, specs, actual, actions);
  }
  if (actions.finished) {
    actions.create_sandbox = false;
    actions.start.clear();
  }
  return actions;
}

}  // namespace agent::pod
