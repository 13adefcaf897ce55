// SPDX-License-Identifier: Apache-2.0
// What a container of another OCI runtime needs beside: its start takes a
// process, and so does its removal.
#include "runtime/external/container.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/plan_file.h"

namespace runtime::hold {

bool Holder::IsStarting(const HeldContainer& container) {
  return IsExternal(container) && container.start_sent && container.report.ok();
}

bool Holder::IsUndone(const HeldContainer& container) {
  return !IsExternal(container) || container.deleted;
}

external::Namespaces Holder::PodNamespaces(pid_t holder) const {
  external::Namespaces result;
  for (const char* kind : {"network", "ipc", "uts"}) {
    const char* name = strcmp(kind, "network") == 0 ? "net" : kind;
    result.emplace_back(kind, absl::StrCat("/proc/", holder, "/ns/", name));
  }
  if (options_.pause_pid > 0) {
    result.emplace_back("pid",
                        absl::StrCat("/proc/", options_.pause_pid, "/ns/pid"));
  }
  return result;
}

void Holder::OnExternalReportEnd(HeldContainer* container) {
  state::ContainerRecord& record = container->record;
  if (record.phase != state::Phase::kCreated) return;
  // It died before anybody asked for its start, which then ended the set-up.
  if (container->reaped && !container->start_sent) return;
  if (container->started) {
    record.phase = state::Phase::kRunning;
    record.started_ns = WallNanoseconds();
    // It may have ended before the news of its start came.
    if (container->reaped) {
      record.started_ns = std::min(record.started_ns, record.finished_ns);
    }
    Announce(*container);
    return;
  }
  if (!container->failed) {
    container->failed = true;
    record.message = "the process that was to start it ended unexpectedly";
  }
  // Unreaped, so the pid cannot belong to anybody else yet.
  if (!container->reaped) kill(record.pid, SIGKILL);
}

void Holder::SettleExternal(HeldContainer* container) {
  if (container->reaped && container->IsAlive() &&
      container->drain_deadline == 0 && !IsStarting(*container)) {
    DrainOrFinish(container);
  }
  const state::Phase phase = container->record.phase;
  const bool over = (phase == state::Phase::kCreating && container->failed) ||
                    (phase == state::Phase::kExited && container->abandoned);
  if (!over || container->setup_pid != 0 || container->delete_pid != 0 ||
      container->deleted) {
    return;
  }
  pid_t pid = ForkChild();
  if (pid == 0) {
    const int dir = options_.dir.get();
    CloseAllBut({dir});
    absl::StatusOr<state::ContainerPlan> plan =
        ReadPlan(dir, container->record.id);
    if (plan.ok()) external::RunDelete(*plan, PodDir(dir));
    const std::string line =
        absl::StrCat("holder: ", plan.status().message(), "\n");
    _exit(write(STDERR_FILENO, line.data(), line.size()) < 0 ? 2 : 1);
  }
  if (pid > 0) {
    container->delete_pid = pid;
    return;
  }
  // The next one to remove it, or the sweep of the sandbox, finds it again.
  std::string line = absl::StrCat("holder: delete ", container->record.id,
                                  ": fork: ", strerror(errno), "\n");
  container->deleted = true;
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace runtime::hold
