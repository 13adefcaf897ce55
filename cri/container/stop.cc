// SPDX-License-Identifier: Apache-2.0
// Stopping: a signal, a grace period, SIGKILL. Nothing here polls: the exit
// comes as the handler's event, the end of the grace as a timer.
#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cri/container/containers.h"
#include "runtime/base/activity.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::ContainerPhase;
namespace v1 = ::runtime::v1;

// Longer than this no process survives SIGKILL, unless the kernel itself is
// stuck in it (a dead NFS server, for example).
constexpr absl::Duration kDeathTakesAtMost = absl::Minutes(2);
// After SIGKILL the event is due at once; then ask once whether one was lost.
constexpr absl::Duration kEventDue = absl::Seconds(3);

}  // namespace

absl::Status Containers::KillNow(const Container& container) {
  return options_.handler->KillContainer(container.sandbox->id, container.id,
                                         SIGKILL, /*all=*/true);
}

absl::Status Containers::Stop(const ContainerPtr& container,
                              absl::Duration grace, absl::Time deadline) {
  // What never ran needs no signal; it goes with RemoveContainer.
  if (container->GetState().phase != ContainerPhase::kRunning) {
    return absl::OkStatus();
  }
  grace = std::clamp(grace, absl::ZeroDuration(), absl::Hours(24 * 365));
  const absl::Time kill_at = absl::Now() + grace;
  Container::StopTurn turn = container->BeginStop(kill_at);
  if (grace > absl::ZeroDuration()) {
    if (turn.first) {
      absl::Status sent = options_.handler->KillContainer(
          container->sandbox->id, container->id, container->stop_signal,
          /*all=*/false);
      if (!sent.ok()) {
        container->ForgetStop();
        return sent;
      }
    }
    std::optional<runtime::Executor::TimerId> kill;
    if (turn.earlier) kill = KillLater(container, kill_at);
    const runtime::activity::Step step(absl::StrCat(
        "waits for the end of the container, which has until ",
        absl::FormatTime("%H:%M:%S", kill_at, absl::UTCTimeZone()), " UTC"));
    const absl::Status exit = container->AwaitExit(std::min(deadline, kill_at));
    if (exit.ok() && kill.has_value()) options_.executor->Cancel(*kill);
    if (!absl::IsDeadlineExceeded(exit)) return exit;
  }
  // The timer does this too, for callers that are gone by now; but it needs a
  // thread of the pool, all of which may be waiting here.
  const absl::Status killed =
      absl::Now() >= kill_at ? KillNow(*container) : absl::OkStatus();
  if (!killed.ok()) {
    if (turn.first) container->ForgetStop();
    return killed;
  }
  return AwaitDeath(container, kill_at, deadline);
}

runtime::Executor::TimerId Containers::KillLater(const ContainerPtr& container,
                                                 absl::Time when) {
  std::weak_ptr<Container> weak = container;
  return options_.executor->PostAt(when, [this, weak] {
    ContainerPtr late = weak.lock();
    if (late == nullptr || late->GetState().phase == ContainerPhase::kExited) {
      return;
    }
    if (absl::Status killed = KillNow(*late); !killed.ok()) {
      runtime::log::Error(
          "container ", late->id,
          ": SIGKILL after its grace period: ", killed.message());
    }
  });
}

absl::Status Containers::AwaitDeath(const ContainerPtr& container,
                                    absl::Time kill_at, absl::Time deadline) {
  const runtime::activity::Step step(
      "waits for the end of the container, which was killed");
  const absl::Status exit =
      container->AwaitExit(std::min(deadline, kill_at + kEventDue));
  if (!absl::IsDeadlineExceeded(exit)) return exit;
  absl::StatusOr<runtime::ContainerState> now =
      options_.handler->GetContainer(container->sandbox->id, container->id);
  if (now.ok()) {
    OnState(*now);
  } else if (absl::IsNotFound(now.status()) && container->MarkLost()) {
    Publish(container, v1::CONTAINER_STOPPED_EVENT);
  }
  return container->AwaitExit(std::min(deadline, kill_at + kDeathTakesAtMost));
}

void Containers::EndWaits() {
  {
    absl::MutexLock lock(&undo_mutex_);
    undos_ended_ = true;
  }
  for (const ContainerPtr& container : List()) container->EndWaits();
}

absl::Status Containers::KillAll(const sandbox::SandboxPtr& sandbox,
                                 absl::Time deadline) {
  std::vector<ContainerPtr> alive;
  for (ContainerPtr& container : ListOf(*sandbox)) {
    if (container->GetState().phase == ContainerPhase::kExited) continue;
    RETURN_IF_ERROR(KillNow(*container));
    alive.push_back(std::move(container));
  }
  const runtime::activity::Step step(
      "waits for the end of the containers, which were killed");
  const absl::Time due = std::min(deadline, absl::Now() + kEventDue);
  for (const ContainerPtr& container : alive) {
    const absl::Status exit = container->AwaitExit(due);
    if (exit.ok()) continue;
    if (absl::IsUnavailable(exit)) return exit;
    absl::StatusOr<runtime::ContainerState> now =
        options_.handler->GetContainer(sandbox->id, container->id);
    if (now.ok() && now->phase == ContainerPhase::kExited) {
      OnState(*now);
    } else if (now.ok()) {
      return absl::DeadlineExceededError(
          absl::StrCat("container ", container->id,
                       " is not dead yet, although it was killed"));
    } else if (!absl::IsNotFound(now.status())) {
      return now.status();  // no answer: it may still tell the exit code
    } else if (container->MarkLost()) {
      Publish(container, v1::CONTAINER_STOPPED_EVENT);
    }
  }
  return absl::OkStatus();
}

}  // namespace cri::container
