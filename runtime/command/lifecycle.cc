// SPDX-License-Identifier: Apache-2.0
// start, kill and delete.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/command/command.h"
#include "runtime/command/words.h"
#include "runtime/launch/container.h"
#include "runtime/launch/hooks.h"
#include "runtime/spec/spec.h"

namespace runtime::command {
namespace {

constexpr int kDeathMilliseconds = 10000;

absl::StatusOr<spec::Config> ConfigOf(const Context& context,
                                      const Record& record) {
  ASSIGN_OR_RETURN(std::string text,
                   ReadFile(context.records().ConfigFile(record.id)));
  return spec::Parse(text);
}

std::string StateFor(const Record& record, Status status) {
  Json state = {{"ociVersion", "1.2.0"},
                {"id", record.id},
                {"status", std::string(StatusName(status))},
                {"pid", record.pid},
                {"bundle", record.bundle}};
  return DumpJson(state);
}

// The process of the record, or an invalid descriptor if it is gone.
UniqueFd OpenProcess(const Record& record) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, record.pid, 0)));
  // Checked after the descriptor is held: the number cannot change hands now.
  if (StartTicks(record.pid) != record.start_ticks) fd.reset();
  return fd;
}

absl::Status Signal(int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 ||
      errno == ESRCH) {
    return absl::OkStatus();
  }
  return ErrnoStatus("kill");
}

absl::Status KillAndWait(const Record& record) {
  UniqueFd process = OpenProcess(record);
  launch::KillCgroup(record.cgroups_path, SIGKILL);
  if (!process.ok()) return absl::OkStatus();
  RETURN_IF_ERROR(Signal(process.get(), SIGKILL));
  absl::StatusOr<cgroup::Cgroup> cgroup =
      cgroup::Cgroup::At(record.cgroups_path);
  // A frozen process dies only after it was thawed.
  if (cgroup.ok() && cgroup->IsFrozen()) cgroup->Freeze(false).IgnoreError();
  pollfd wait = {process.get(), POLLIN, 0};
  if (poll(&wait, 1, kDeathMilliseconds) != 1) {
    return absl::DeadlineExceededError(
        absl::StrCat("process ", record.pid, " did not die"));
  }
  waitpid(record.pid, nullptr, WNOHANG);  // if it is our own child (run)
  return absl::OkStatus();
}

}  // namespace

absl::Status StartContainer(const Context& context, const Record& record) {
  Records records = context.records();
  Status status = records.StatusOf(record);
  if (status != Status::kCreated) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start container \"", record.id, "\": it is ",
                     StatusName(status)));
  }
  std::string fifo = records.StartFifo(record.id);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(fifo, O_WRONLY | O_NONBLOCK));
  // The name goes first: of two starts only one may write.
  if (unlink(fifo.c_str()) != 0) return ErrnoStatus(fifo);
  RETURN_IF_ERROR(WriteAll(fd.get(), "s", fifo));
  ASSIGN_OR_RETURN(spec::Config config, ConfigOf(context, record));
  absl::Status hooks = launch::RunHooks(config.hooks.poststart, "poststart",
                                        StateFor(record, Status::kRunning));
  // The specification: log the failure, the container goes on.
  if (!hooks.ok()) log::Warning(hooks.message());
  return absl::OkStatus();
}

absl::Status DeleteContainer(const Context& context, const Record& record,
                             bool force) {
  Records records = context.records();
  Status status = records.StatusOf(record);
  bool may_kill = force || status == Status::kCreated;
  if (status != Status::kStopped && status != Status::kCreating && !may_kill) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot delete container \"", record.id,
                     "\" that is not stopped: ", StatusName(status)));
  }
  RETURN_IF_ERROR(KillAndWait(record));
  if (int error = launch::RemoveCgroups(record.cgroups_path); error != 0) {
    return ErrnoStatus(error, absl::StrCat("cgroup ", record.cgroups_path));
  }
  absl::StatusOr<spec::Config> config = ConfigOf(context, record);
  if (config.ok()) {
    absl::Status hooks = launch::RunHooks(config->hooks.poststop, "poststop",
                                          StateFor(record, Status::kStopped));
    if (!hooks.ok()) log::Warning(hooks.message());
  }
  return records.Remove(record.id);
}

absl::StatusOr<int> Start(const Context& context, const Words& words) {
  Flags flags("start ID", "Runs the process of a created container.");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  ASSIGN_OR_RETURN(Record record, context.records().Load(parsed.rest[0]));
  RETURN_IF_ERROR(StartContainer(context, record));
  return 0;
}

absl::StatusOr<int> Kill(const Context& context, const Words& words) {
  Flags flags("kill [FLAGS] ID [SIGNAL]",
              "Sends a signal (SIGTERM) to the container's process.");
  bool all = false;
  flags.Bool("all", 'a', &all, "to every process in the container");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 2));
  if (parsed.help) return 0;
  ASSIGN_OR_RETURN(
      int signal,
      ParseSignal(parsed.rest.size() > 1 ? parsed.rest[1] : "SIGTERM"));
  ASSIGN_OR_RETURN(Record record, context.records().Load(parsed.rest[0]));
  if (all) {
    int error = launch::KillCgroup(record.cgroups_path, signal);
    if (error != 0) return ErrnoStatus(error, "kill");
    return 0;
  }
  UniqueFd process = OpenProcess(record);
  if (!process.ok()) {
    // The words that callers of an OCI runtime look for.
    return absl::FailedPreconditionError("container not running");
  }
  RETURN_IF_ERROR(Signal(process.get(), signal));
  return 0;
}

absl::StatusOr<int> Delete(const Context& context, const Words& words) {
  Flags flags("delete [FLAGS] ID", "Removes a container and its cgroups.");
  bool force = false;
  flags.Bool("force", 'f', &force, "kill it first; a missing one is fine");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  absl::StatusOr<Record> record = context.records().Load(parsed.rest[0]);
  if (!record.ok() && force && absl::IsNotFound(record.status())) {
    // A create that was killed half-way leaves a directory without a record.
    RETURN_IF_ERROR(context.records().Remove(parsed.rest[0]));
    return 0;
  }
  RETURN_IF_ERROR(record.status());
  RETURN_IF_ERROR(DeleteContainer(context, *record, force));
  return 0;
}

}  // namespace runtime::command
