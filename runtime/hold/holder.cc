// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/holder.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace runtime::hold {
namespace {

constexpr size_t kMaxConnections = 512;
constexpr size_t kMaxEarlyExits = 64;
// Longer than any set-up takes; then the number may be another process's.
constexpr int64_t kEarlyExitCounts = int64_t{300} * 1000000000;

int64_t Now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

}  // namespace

int ExitCode(int wait_status) {
  if (WIFSIGNALED(wait_status)) return 128 + WTERMSIG(wait_status);
  return WEXITSTATUS(wait_status);
}

int64_t WallNanoseconds() { return Now(CLOCK_REALTIME); }
int64_t MonotonicNanoseconds() { return Now(CLOCK_MONOTONIC); }

void Holder::Run() {
  // Orphans of containers without a PID namespace of their own come to us.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_SETMASK, &child, nullptr);
  signals_.reset(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.ok()) return;
  while (running_) {
    Poll();
    SettleExecs();
    Settle();
  }
}

void Holder::Watch(int fd, short events, void (Holder::*ready)(size_t),
                   size_t index) {
  polled_.push_back({fd, events, 0});
  watched_.push_back({ready, index});
}

// A poll set built anew for each turn: a pod has a handful of descriptors, and
// nothing can point to a closed one. Reports come before signals, so that an
// exit finds its owner.
void Holder::Poll() {
  polled_.clear();
  watched_.clear();
  for (size_t i = 0; i < containers_.size(); ++i) {
    const HeldContainer& c = *containers_[i];
    if (c.report.ok()) {
      Watch(c.report.get(), POLLIN, &Holder::OnContainerReport, i);
    }
    if (IsHeldUp(c)) {
      WatchFull(i);
      continue;
    }
    if (c.out.ok()) Watch(c.out.get(), POLLIN, &Holder::OnOutput, i);
    if (c.err.ok()) Watch(c.err.get(), POLLIN, &Holder::OnOutput, i);
  }
  for (size_t i = 0; i < execs_.size(); ++i) {
    // Of one that is known and told only a failure can come, before its exit.
    if (execs_[i]->report.ok() && execs_[i]->untold) {
      Watch(execs_[i]->report.get(), POLLIN, &Holder::OnExecReport, i);
    }
  }
  Watch(signals_.get(), POLLIN, &Holder::Reap, 0);
  for (size_t i = 0; i < connections_.size(); ++i) {
    Watch(connections_[i]->fd.get(), POLLIN, &Holder::OnRequest, i);
  }
  Watch(options_.listen.get(), POLLIN, &Holder::Accept, 0);

  int ready = poll(polled_.data(), polled_.size(), PollTimeout());
  for (size_t i = 0; ready > 0 && i < polled_.size(); ++i) {
    if (polled_[i].revents == 0) continue;
    --ready;
    (this->*watched_[i].ready)(watched_[i].index);
  }
}

int Holder::PollTimeout() const {
  int64_t first = 0;
  const auto wait_until = [&](int64_t end) {
    if (end != 0 && (first == 0 || end < first)) first = end;
  };
  for (const auto& c : containers_) {
    wait_until(c->drain_deadline);
    wait_until(WindowEnd(*c));
  }
  for (const auto& exec : execs_) wait_until(exec->set_up_until);
  if (first == 0) return -1;
  int64_t left = first - MonotonicNanoseconds();
  return left <= 0 ? 0 : static_cast<int>(left / 1000000 + 1);
}

void Holder::Accept(size_t) {
  UniqueFd fd(accept4(options_.listen.get(), nullptr, nullptr,
                      SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.ok() || !PeerIsRoot(fd.get(), nullptr)) return;
  if (connections_.size() >= kMaxConnections) return;
  auto connection = std::make_unique<Connection>();
  connection->serial = next_serial_++;
  connection->fd = std::move(fd);
  connections_.push_back(std::move(connection));
}

void Holder::Reap(size_t) {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) > 0) {
  }
  int wait_status;
  pid_t pid;
  while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
    Reaped(pid, wait_status);
  }
}

void Holder::Reaped(pid_t pid, int wait_status) {
  if (pid == anchor_pid_) {
    anchor_pid_ = 0;
    return;
  }
  for (auto& c : containers_) {
    if (c->setup_pid == pid) {
      c->setup_pid = 0;
      return;
    }
    if (c->delete_pid == pid) {
      OnDeleteEnd(c.get(), wait_status);
      return;
    }
    if (c->IsAlive() && c->record.pid == pid) {
      OnContainerExit(c.get(), wait_status);
      return;
    }
  }
  for (auto& exec : execs_) {
    if (exec->setup_pid == pid) {
      exec->setup_pid = 0;
      return;
    }
    if (exec->killer_pid == pid) {
      exec->killer_pid = 0;
      return;
    }
    if (exec->pid == pid && !exec->reaped) {
      exec->reaped = true;
      exec->wait_status = wait_status;
      return;
    }
  }
  if (!SetupsRunning()) return;
  if (early_exits_.size() == kMaxEarlyExits) {
    early_exits_.erase(early_exits_.begin());
  }
  early_exits_.push_back({pid, wait_status, MonotonicNanoseconds()});
}

bool Holder::SetupsRunning() const {
  for (const auto& c : containers_) {
    if (c->record.phase == state::Phase::kCreating) return true;
  }
  for (const auto& exec : execs_) {
    if (exec->pid == 0) return true;
  }
  return false;
}

bool Holder::TakeEarlyExit(pid_t pid, int* wait_status) {
  for (auto it = early_exits_.begin(); it != early_exits_.end(); ++it) {
    if (it->pid != pid) continue;
    *wait_status = it->wait_status;
    early_exits_.erase(it);
    return true;
  }
  return false;
}

void Holder::Settle() {
  int64_t now = MonotonicNanoseconds();
  std::erase_if(early_exits_, [&, running = SetupsRunning()](const auto& exit) {
    return !running || exit.at + kEarlyExitCounts < now;
  });
  for (auto& c : containers_) {
    DropStalled(c.get(), now);
    if (c->drain_deadline != 0 && c->drain_deadline <= now) Finish(c.get());
    if (IsExternal(*c)) SettleExternal(c.get());
  }
  for (auto& connection : connections_) {
    if (connection->fd.ok() && connection->waiting) {
      connection->waiting = !TryAnswer(connection.get());
    }
  }
  containers_.erase(
      std::remove_if(containers_.begin(), containers_.end(),
                     [](const auto& c) {
                       bool failed_set_up =
                           c->record.phase == state::Phase::kCreating &&
                           c->failed;
                       bool gone = c->abandoned &&
                                   c->record.phase == state::Phase::kExited;
                       return (failed_set_up || gone) && IsUndone(*c);
                     }),
      containers_.end());
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const auto& c) { return !c->fd.ok(); }),
                     connections_.end());
}

void Holder::DropConnection(Connection* connection) {
  CancelExecs(connection->serial);
  Detach(connection->serial);
  connection->fd.reset();
}

void Holder::Reply(Connection* connection, const hold::Reply& reply,
                   const int* fds, int fd_count) {
  if (!connection->fd.ok()) return;
  // A peer that does not read is dropped; it finds the state again when it
  // connects anew.
  if (SendMessage(connection->fd.get(), Encode(reply), fds, fd_count) != 0) {
    DropConnection(connection);
  }
}

void Holder::ReplyStatus(Connection* connection, absl::StatusCode code,
                         absl::string_view text) {
  hold::Reply reply;
  reply.code = static_cast<int32_t>(code);
  reply.text = std::string(text);
  Reply(connection, reply);
}

void Holder::ReplyState(Connection* connection,
                        const HeldContainer& container) {
  hold::Reply reply;
  reply.type = ReplyType::kState;
  reply.state = container.record;
  Reply(connection, reply);
}

}  // namespace runtime::hold
