// SPDX-License-Identifier: Apache-2.0
// The life of one container in its holder: set-up, start, output, exit.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/hold/holder.h"
#include "runtime/state/record.h"

namespace runtime::hold {
namespace {

// How long the pipes of a dead container may stay open in the hands of
// somebody outside of it before they are given up.
constexpr int64_t kDrainNanoseconds = 1000000000;

struct Pipe {
  UniqueFd read, write;
};

// The end that the holder keeps does not block.
absl::Status MakePipe(Pipe* pipe, bool holder_reads) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("pipe2: ", strerror(errno)));
  }
  pipe->read.reset(fds[0]);
  pipe->write.reset(fds[1]);
  fcntl(holder_reads ? fds[0] : fds[1], F_SETFL, O_NONBLOCK);
  return absl::OkStatus();
}

// What a container that did not come to be was short of, or "".
std::string WhyKilled(const std::string& cgroups_path) {
  return launch::OomKills(cgroups_path) > 0
             ? ": out of memory: the limit (linux.resources.memory) is too low"
             : "";
}

}  // namespace

void Holder::Create(Connection* connection, const Request& request) {
  if (!state::IsValidId(request.id)) {
    return ReplyStatus(connection, absl::StatusCode::kInvalidArgument,
                       "create container: not a valid id");
  }
  if (shutting_down_) {
    return ReplyStatus(connection, absl::StatusCode::kFailedPrecondition,
                       "create container: the sandbox is being removed");
  }
  if (Find(request.id) == nullptr) {
    auto container = std::make_unique<HeldContainer>();
    container->record.id = request.id;
    container->flags = request.flags;
    container->cgroups_path = request.cgroups_path;
    container->log_path = request.log_path;
    container->log.SetCap(request.log_cap);
    absl::Status status = ForkSetup(container.get());
    if (!status.ok()) {
      return ReplyStatus(connection, status.code(), status.message());
    }
    containers_.push_back(std::move(container));
  }
  Wait(connection, request);  // a repeated call joins the first
}

absl::Status Holder::ForkSetup(HeldContainer* container) {
  const bool tty = (container->flags & state::kTty) != 0;
  if (!container->log_path.empty()) {
    RETURN_IF_ERROR(
        Annotate(container->log.Open(container->log_path), "log_path"));
  }
  Pipe start, in, out, err;
  absl::Status status = MakePipe(&start, false);
  if (status.ok() && !tty) status = MakePipe(&out, true);
  if (status.ok() && !tty) status = MakePipe(&err, true);
  if (status.ok() && !tty && (container->flags & state::kStdinOpen) != 0) {
    status = MakePipe(&in, false);
  }
  if (!status.ok()) return status;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return absl::InternalError(absl::StrCat("socketpair: ", strerror(errno)));
  }
  UniqueFd report_here(pair[0]), report_there(pair[1]);
  pid_t pid = ForkChild();
  if (pid == 0) {
    SetupChild(*container, report_there.get(), start.read.get(), in.read.get(),
               out.write.get(), err.write.get());
  }
  if (pid < 0) {
    return absl::InternalError(absl::StrCat("fork: ", strerror(errno)));
  }
  container->setup_pid = pid;
  container->report = std::move(report_here);
  container->start = std::move(start.write);
  container->stdin_pipe = std::move(in.write);
  container->out = std::move(out.read);
  container->err = std::move(err.read);
  return absl::OkStatus();
}

void Holder::OnContainerReport(size_t index) {
  HeldContainer* container = containers_[index].get();
  while (container->report.ok()) {
    launch::Report report;
    UniqueFd fd;
    int error = ReceiveReport(container->report.get(), &report, &fd);
    if (error == EAGAIN || error == EINTR) return;
    if (error == 0) {
      OnReport(container, report, std::move(fd));
    } else {
      OnReportEnd(container);
    }
  }
}

void Holder::OnReport(HeldContainer* container, const launch::Report& report,
                      UniqueFd fd) {
  state::ContainerRecord& record = container->record;
  switch (report.kind) {
    case launch::Report::kFailed:
      container->failed = true;
      container->error = report.error;
      record.message =
          absl::StrCat(report.text, WhyKilled(container->cgroups_path));
      return;
    case launch::Report::kStarted:
      container->started = true;
      return;
    case launch::Report::kCreated:
      break;
    default:
      return;
  }
  if (record.phase != state::Phase::kCreating) return;
  record.pid = report.pid;
  record.phase = state::Phase::kCreated;
  for (uint32_t i = 0; i < report.phase_count; ++i) {
    record.phases.emplace_back(report.phases[i].name,
                               report.phases[i].nanoseconds);
  }
  record.created_ns = WallNanoseconds();
  if ((container->flags & state::kTty) != 0 && fd.ok()) {
    fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    container->out = std::move(fd);
  }
  Announce(*container);
  if (container->abandoned) Destroy(container);
  int wait_status;
  if (TakeEarlyExit(record.pid, &wait_status)) {
    OnContainerExit(container, wait_status);
  }
}

void Holder::OnReportEnd(HeldContainer* container) {
  container->report.reset();
  state::ContainerRecord& record = container->record;
  if (record.phase == state::Phase::kCreating) {
    // All copies of the report socket are closed, so the set-up process is
    // ending; without kCreated the container never came to be.
    if (!container->failed) {
      record.message =
          container->abandoned
              ? "removed during its set-up"
              : absl::StrCat("the set-up process ended unexpectedly",
                             WhyKilled(container->cgroups_path));
    }
    container->failed = true;
    return;
  }
  if (IsExternal(*container)) return OnExternalReportEnd(container);
  if (record.phase == state::Phase::kCreated && container->start_sent &&
      !container->failed) {
    record.phase = state::Phase::kRunning;
    record.started_ns = WallNanoseconds();
    Announce(*container);
  }
}

void Holder::Start(Connection* connection, const Request& request) {
  HeldContainer* container = Find(request.id);
  if (container != nullptr &&
      container->record.phase == state::Phase::kCreated &&
      !container->start_sent) {
    // Fails only if init has died; its exit is on the way then.
    if (write(container->start.get(), "", 1) == 1) container->start_sent = true;
  }
  Wait(connection, request);
}

// Everything that is left of it ends; Settle drops it once it has.
void Holder::Destroy(HeldContainer* container) {
  container->abandoned = true;
  container->delete_error.clear();
  container->start.reset();
  if (container->record.phase == state::Phase::kCreating) {
    if (container->setup_pid > 0) kill(container->setup_pid, SIGKILL);
  } else if (container->IsAlive() && !container->reaped) {
    kill(container->record.pid, SIGKILL);
  }
}

void Holder::OnContainerExit(HeldContainer* container, int wait_status) {
  if (container->reaped) return;
  container->reaped = true;
  container->wait_status = wait_status;
  container->record.finished_ns = WallNanoseconds();
  // What the exec left on the report socket comes before the exit.
  for (size_t i = 0; i < containers_.size(); ++i) {
    if (containers_[i].get() == container) OnContainerReport(i);
  }
  container->start.reset();
  container->stdin_pipe.reset();
  container->target.reset();
  if ((container->flags & state::kOwnPidNamespace) == 0) {
    launch::KillCgroup(container->cgroups_path, SIGKILL);
  }
  DrainOrFinish(container);
}

void Holder::OnOutput(size_t index) {
  HeldContainer* container = containers_[index].get();
  if (container->reaped) return DrainOrFinish(container);
  ReadStream(container, false, false);
  ReadStream(container, true, false);
}

bool Holder::ReadStream(HeldContainer* container, bool err, bool all) {
  UniqueFd* fd = err ? &container->err : &container->out;
  LineAssembler* lines = err ? &container->err_lines : &container->out_lines;
  // Not zeroed: untouched pages stay untouched.
  char buffer[8192] __attribute__((uninitialized));
  while (fd->ok()) {
    if (IsHeldUp(*container)) return false;
    ssize_t size = read(fd->get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    if (size <= 0) {  // EIO is a terminal's end of file
      lines->Finish(&container->log);
      fd->reset();
      break;
    }
    const absl::string_view data(buffer, static_cast<size_t>(size));
    lines->Feed(data, &container->log);
    Tee(container, err, data);
    if (!all) return false;
  }
  return true;
}

void Holder::DrainOrFinish(HeldContainer* container) {
  bool out_ended = ReadStream(container, false, true);
  bool err_ended = ReadStream(container, true, true);
  if (IsStarting(*container)) return;
  if (out_ended && err_ended) return Finish(container);
  if (container->drain_deadline == 0) {
    container->drain_deadline = MonotonicNanoseconds() + kDrainNanoseconds;
  }
}

void Holder::Finish(HeldContainer* container) {
  container->drain_deadline = 0;
  container->out_lines.Finish(&container->log);
  container->err_lines.Finish(&container->log);
  container->out.reset();
  container->err.reset();
  container->report.reset();
  container->log = LogFile();
  container->config.reset();
  state::ContainerRecord& record = container->record;
  if (record.phase == state::Phase::kExited) return;
  record.phase = state::Phase::kExited;
  record.pid = 0;
  if (container->failed) {
    record.exit_code = 128;  // the workload's exec failed; message says why
  } else {
    record.exit_code = ExitCode(container->wait_status);
    record.oom_killed =
        record.exit_code != 0 && launch::OomKills(container->cgroups_path) > 0;
  }
  Announce(*container);
  EndAttaches(container);
}

void Holder::Save(const HeldContainer& container) {
  std::string name = absl::StrCat(container.record.id, ".rec");
  int error = state::WriteRecord(options_.dir.get(), name.c_str(),
                                 state::kContainerRecordKind,
                                 state::Encode(container.record));
  if (error == 0) return;
  // Memory still has it; only the death of this holder would lose it.
  std::string line =
      absl::StrCat("holder: write ", name, ": ", strerror(error), "\n");
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

void Holder::Announce(const HeldContainer& container) {
  Save(container);
  for (auto& connection : connections_) {
    if (connection->fd.ok() && connection->subscribed) {
      ReplyState(connection.get(), container);
    }
  }
}

}  // namespace runtime::hold
