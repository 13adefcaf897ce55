// SPDX-License-Identifier: Apache-2.0
// What a pod waits for, in words, for `coracle status`.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agent/pod/worker.h"

namespace agent::pod {
namespace {

// "REASON: message", of which either may be empty.
std::string Both(const std::string& reason, const std::string& message) {
  return absl::StrCat(reason, reason.empty() || message.empty() ? "" : ": ",
                      message);
}

Wait For(std::string text, absl::Time until = absl::InfinitePast()) {
  Wait wait;
  wait.text = std::move(text);
  wait.until = until;
  return wait;
}

// In place: where a Wait is moved, gcc 12 sees an overflow that is not there.
void Add(std::vector<Wait>* waits, std::string text,
         absl::Time until = absl::InfinitePast()) {
  waits->emplace_back();
  waits->back().text = std::move(text);
  waits->back().until = until;
}

}  // namespace

std::vector<Wait> Worker::Waits() {
  std::vector<Wait> waits;
  switch (state_) {
    case State::kHeld:
      Add(&waits, "an older pod of the same name still ends");
      break;
    case State::kSync:
      WaitsOfRunning(&waits);
      break;
    case State::kTerminating:
      for (const auto& [id, stop] : stops_) {
        ContainerFact* fact = facts_.Find(id);
        if (fact == nullptr) continue;
        Add(&waits,
            absl::StrCat("end of container ", fact->cri.metadata().name(),
                         stop.hook_running ? ", whose preStop hook runs" : "",
                         "; killed"),
            stop.deadline);
      }
      if (!stopping_sandboxes_.empty()) {
        Add(&waits, absl::StrCat("end of sandbox ",
                                 absl::StrJoin(stopping_sandboxes_, ", ")));
      }
      break;
    case State::kTerminated:
      if (absl::Now() < clean_retry_) {
        Add(&waits, "what it used cannot be given back yet", clean_retry_);
      }
      break;
    case State::kDone:
      break;
  }
  return waits;
}

void Worker::WaitsOfRunning(std::vector<Wait>* waits) {
  const absl::Time now = absl::Now();
  const auto* sandbox = facts_.newest_sandbox();
  const bool ready =
      sandbox != nullptr && sandbox->state() == v1::SANDBOX_READY;
  if (sandbox_busy_) {
    Add(waits, "its sandbox is being made");
  } else if (!ready && now < sandbox_retry_) {
    Add(waits, absl::StrCat("its sandbox: ", sandbox_problem_), sandbox_retry_);
  }
  if (!mounted_ && mounting_) {
    Add(waits, absl::StrCat("its volumes are being mounted",
                            mount_problem_.empty() ? "" : ": last time: ",
                            mount_problem_));
  } else if (!mounted_ && now < mount_retry_) {
    Add(waits, absl::StrCat("its volumes: ", mount_problem_), mount_retry_);
  }
  for (const auto& spec : status::Containers(*pod_)) {
    Wait wait = WaitOfContainer(spec);
    if (wait.text.empty()) wait = WaitOfProbes(spec);
    if (wait.text.empty()) continue;
    wait.text = absl::StrCat("container ", spec.name, ": ", wait.text);
    waits->push_back(std::move(wait));
  }
}

Wait Worker::WaitOfContainer(const status::ContainerSpec& spec) {
  const auto found = ops_.find(spec.name);
  if (found == ops_.end()) return {};
  const Op& op = found->second;
  switch (op.stage) {
    case Stage::kImage:
      return For(absl::StrCat("image ", runtime::StringAt(*spec.json, "image"),
                              " is being looked for or pulled"));
    case Stage::kReady:
      if (absl::Now() < op.retry_at) break;
      return For("its pod's sandbox and volumes");
    case Stage::kCreate:
      return For("is being created");
    case Stage::kStart:
      return For("is being started");
    case Stage::kHook:
      return For("its postStart hook runs");
    case Stage::kIdle:
      break;
  }
  const absl::Time until = std::max(op.retry_at, op.crash_until);
  if (op.reason.empty() || until <= absl::Now()) return {};
  return For(Both(op.reason, op.message), until);
}

Wait Worker::WaitOfProbes(const status::ContainerSpec& spec) {
  const auto attempts = facts_.Attempts(spec.name);
  if (attempts.empty() || !attempts.front()->running()) return {};
  const probe::State probes =
      deps_->prober->Get(attempts.front()->id(), *spec.json);
  if (!probes.started) return For("its startup probe has not succeeded yet");
  if (!probes.ready) return For("its readiness probe does not succeed");
  return {};
}

}  // namespace agent::pod
