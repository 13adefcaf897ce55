// SPDX-License-Identifier: Apache-2.0
// Commands run inside a container: started here, reaped here, and ended with
// all that they started when the one who asked gives up or goes away.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/process_tree.h"

namespace runtime::hold {
namespace {

constexpr int64_t kSetUpTime = int64_t{5} * 1000000000;  // of a cancelled exec

}  // namespace

bool Holder::AssignFds(const Request& request, const std::vector<UniqueFd>& fds,
                       ExecFds* assigned) {
  const uint32_t flags = request.type == RequestType::kExec
                             ? kStreamOut | kStreamErr
                             : request.flags;
  size_t next = 0;
  for (auto [wanted, fd] :
       {std::pair(true, &assigned->process),
        std::pair((flags & kStreamIn) != 0, &assigned->in),
        std::pair((flags & kStreamOut) != 0, &assigned->out),
        std::pair((flags & kStreamErr) != 0, &assigned->err)}) {
    if (!wanted) continue;
    if (next == fds.size()) return false;
    *fd = fds[next++].get();
  }
  return next == fds.size();
}

void Holder::Exec(Connection* connection, const Request& request,
                  std::vector<UniqueFd>* fds) {
  HeldContainer* container = FindRunning(connection, request.id, "exec in");
  if (container == nullptr) return;
  ExecFds assigned;
  if (!AssignFds(request, *fds, &assigned)) {
    return ReplyStatus(connection, absl::StatusCode::kInvalidArgument,
                       "exec: wants the process and its descriptors");
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return ReplyStatus(connection, absl::StatusCode::kInternal,
                       absl::StrCat("exec: socketpair: ", strerror(errno)));
  }
  UniqueFd report_here(pair[0]), report_there(pair[1]);
  auto exec = std::make_unique<HeldExec>();
  exec->connection = connection->serial;
  exec->tell_start = request.type == RequestType::kExecStream;
  exec->report = std::move(report_here);
  // Their end of file is no news, but would wake who waits for the exit code.
  if (!exec->tell_start) exec->streams = std::move(*fds);
  absl::Status started =
      StartExec(container, assigned, report_there.get(), exec.get());
  if (!started.ok()) {
    return ReplyStatus(connection, absl::StatusCode::kUnknown,
                       started.message());
  }
  Wait(connection, request);
  execs_.push_back(std::move(exec));
  if (!execs_.back()->untold) TellStart(*execs_.back());
}

void Holder::OnExecReport(size_t index) {
  HeldExec* exec = execs_[index].get();
  while (exec->report.ok()) {
    launch::Report report;
    UniqueFd fd;
    int error = ReceiveReport(exec->report.get(), &report, &fd);
    if (error == EAGAIN || error == EINTR) return;
    if (error != 0) {
      exec->report.reset();
      if (exec->pid == 0 && !exec->failed) {
        exec->failed = true;
        exec->message =
            "exec: the process that calls the runtime ended unexpectedly";
      }
    } else if (report.kind == launch::Report::kFailed) {
      exec->failed = true;
      exec->message = report.text;
    } else if (report.kind == launch::Report::kCreated && exec->untold) {
      exec->untold = false;
      if (exec->pid == 0) {
        exec->pid = report.pid;
        exec->reaped = TakeEarlyExit(exec->pid, &exec->wait_status);
        if (exec->cancelled) KillExec(exec);
      }
      exec->terminal = std::move(fd);
      if (!exec->cancelled) TellStart(*exec);
    }
  }
}

void Holder::TellStart(const HeldExec& exec) {
  if (!exec.tell_start) return;
  hold::Reply reply;
  reply.type = ReplyType::kStarted;
  reply.value = exec.terminal.ok() ? kTerminal : 0;
  const int passed = exec.terminal.get();
  for (auto& connection : connections_) {
    if (connection->serial != exec.connection) continue;
    Reply(connection.get(), reply, &passed, exec.terminal.ok() ? 1 : 0);
  }
}

void Holder::CancelExecs(uint64_t connection) {
  for (auto& exec : execs_) {
    if (exec->connection != connection || exec->cancelled) continue;
    exec->cancelled = true;
    KillExec(exec.get());
  }
}

// The tree is read from /proc, which takes milliseconds on a busy host: a
// child does it.
void Holder::KillExec(HeldExec* exec) {
  if (exec->reaped) return;
  if (exec->pid == 0) {
    // Soon it is, unless another runtime hangs. Killing that one at once could
    // leave the process behind that it has just started.
    exec->set_up_until = MonotonicNanoseconds() + kSetUpTime;
    return;
  }
  pid_t pid = ForkChild();
  if (pid == 0) {
    CloseAllBut({});
    KillProcessTree(exec->pid);
    _exit(0);
  }
  if (pid > 0) {
    exec->killer_pid = pid;
  } else {
    kill(exec->pid, SIGKILL);
  }
}

void Holder::SettleExecs() {
  const int64_t now = MonotonicNanoseconds();
  for (auto& exec : execs_) {
    if (exec->set_up_until != 0 && exec->set_up_until <= now) {
      // What another runtime was called for ends with its set-up.
      if (exec->setup_pid != 0) kill(exec->setup_pid, SIGKILL);
      exec->set_up_until = 0;
    }
    bool over = exec->reaped || (exec->failed && exec->pid == 0);
    exec->done = over && exec->killer_pid == 0;
    if (!exec->done) continue;
    if (exec->report.ok()) {  // a failure may still be in it
      OnExecReport(static_cast<size_t>(&exec - execs_.data()));
    }
    if (exec->untold && !exec->failed) {
      exec->failed = true;
      exec->message = "exec: the process was killed during its set-up";
    }
    for (auto& connection : connections_) {
      if (connection->serial != exec->connection || !connection->fd.ok()) {
        continue;
      }
      connection->waiting = false;
      if (exec->failed) {
        ReplyStatus(connection.get(), absl::StatusCode::kUnknown,
                    exec->message);
        continue;
      }
      hold::Reply reply;
      reply.type = ReplyType::kExecExit;
      reply.value = ExitCode(exec->wait_status);
      Reply(connection.get(), reply);
      // It was for this alone. Hung up first here, where nobody waits, it does
      // not wake the holder once more when the client does.
      if (!exec->tell_start) connection->fd.reset();
    }
  }
  const auto over = std::remove_if(execs_.begin(), execs_.end(),
                                   [](const auto& e) { return e->done; });
  if (over == execs_.end()) return;
  execs_.erase(over, execs_.end());
  // What they took is not kept for a rare probe.
  if (execs_.empty()) malloc_trim(0);
}

}  // namespace runtime::hold
