// SPDX-License-Identifier: Apache-2.0
// What a container of another OCI runtime needs beside: its start takes a
// process, and so does its removal.
#include "runtime/external/container.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
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
      WasUndoTried(*container)) {
    return;
  }
  const absl::Status forked = ForkDelete(container);
  if (!forked.ok()) container->delete_error = std::string(forked.message());
}

absl::Status Holder::ForkDelete(HeldContainer* container) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus("pipe2");
  UniqueFd error(fds[0]), child_error(fds[1]);
  pid_t pid = ForkChild();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) {
    const int dir = options_.dir.get();
    CloseAllBut({dir, child_error.get()});
    absl::StatusOr<state::ContainerPlan> plan =
        ReadPlan(dir, container->record.id);
    if (plan.ok()) {
      external::RunDelete(*plan, PodDir(dir), child_error.get());
    }
    // Nobody knows any more which runtime to ask.
    const std::string line =
        absl::StrCat("holder: ", plan.status().message(), "\n");
    _exit(write(STDERR_FILENO, line.data(), line.size()) < 0 ? 2 : 0);
  }
  container->delete_pid = pid;
  container->delete_error_pipe = std::move(error);
  return absl::OkStatus();
}

void Holder::OnDeleteEnd(HeldContainer* container, int wait_status) {
  container->delete_pid = 0;
  const UniqueFd pipe = std::move(container->delete_error_pipe);
  container->deleted = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  if (container->deleted) return;
  char reason[1024];
  const ssize_t size = read(pipe.get(), reason, sizeof reason);
  container->delete_error =
      size > 0 ? std::string(reason, static_cast<size_t>(size))
               : "the process that calls the runtime's delete was killed";
}

}  // namespace runtime::hold
