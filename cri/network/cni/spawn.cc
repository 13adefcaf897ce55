// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {
namespace {

using runtime::UniqueFd;

constexpr size_t kMaxLog = 4 << 10;
constexpr int kPipeBytes = 1 << 20;  // a plugin never waits for its reader

// The input as a file: nobody has to feed it, and nobody is signalled when the
// program does not read it.
absl::StatusOr<UniqueFd> InputFile(const std::string& input) {
  UniqueFd file(memfd_create("cni-request", MFD_CLOEXEC));
  if (!file.ok()) return runtime::ErrnoStatus("make a file for the input");
  RETURN_IF_ERROR(runtime::WriteAll(file.get(), input, "the input"));
  if (lseek(file.get(), 0, SEEK_SET) != 0) {
    return runtime::ErrnoStatus("rewind the input");
  }
  return file;
}

struct Pipe {
  UniqueFd read, write;
};

absl::StatusOr<Pipe> OutputPipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return runtime::ErrnoStatus("make a pipe");
  Pipe made{UniqueFd(fds[0]), UniqueFd(fds[1])};
  fcntl(made.read.get(), F_SETPIPE_SZ, kPipeBytes);  // smaller will do too
  fcntl(made.read.get(), F_SETFL, O_NONBLOCK);       // our end only
  return made;
}

absl::StatusOr<pid_t> Spawn(const Program& program, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t set;
  sigemptyset(&set);
  posix_spawnattr_setsigmask(&attributes, &set);
  sigfillset(&set);
  posix_spawnattr_setsigdefault(&attributes, &set);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  const std::vector<char*> environment = runtime::Pointers(program.environment);
  char* argv[] = {const_cast<char*>(program.path.c_str()), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.path.c_str(), &actions,
                                &attributes, argv, environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return runtime::ErrnoStatus(error, absl::StrCat("run ", program.path));
  }
  return pid;
}

int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Takes what is there; false at the end of the stream.
bool Drain(int fd, std::string& to) {
  char buffer[16 << 10];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    to.append(buffer, static_cast<size_t>(got));
    if (to.size() > kPipeBytes) return true;  // let the caller look first
  }
}

void KeepEnd(std::string& log) {
  if (log.size() > kMaxLog) log.erase(0, log.size() - kMaxLog);
}

int PollTimeout(absl::Time deadline) {
  const absl::Duration left = deadline - absl::Now();
  if (left == absl::InfiniteDuration()) return -1;
  return static_cast<int>(std::clamp<int64_t>(
      absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 0,
      60 * 1000));
}

// Reads until the program ends. Whoever inherited its streams may keep them
// open: what is in them at the end is all there is.
absl::Status Follow(const Program& program, int pidfd, int out, int err,
                    Outcome& outcome) {
  pollfd fds[] = {{pidfd, POLLIN, 0},
                  {out, POLLIN, 0},
                  {err, POLLIN, 0},
                  {program.stop_fd, POLLIN, 0}};
  while (true) {
    if (poll(fds, std::size(fds), PollTimeout(program.deadline)) < 0 &&
        errno != EINTR) {
      return runtime::ErrnoStatus("poll");
    }
    // First whether it has ended: what it wrote before is then in the pipes.
    const bool ended = fds[0].revents != 0;
    if (!Drain(out, outcome.output)) fds[1].fd = -1;
    if (!Drain(err, outcome.log)) fds[2].fd = -1;
    KeepEnd(outcome.log);
    if (outcome.output.size() > program.max_output) {
      return absl::ResourceExhaustedError(absl::StrCat(
          program.path, " wrote more than ", program.max_output, " bytes"));
    }
    if (ended) return absl::OkStatus();
    if (fds[3].revents != 0) {
      return absl::CancelledError(
          absl::StrCat(program.path, " was killed, as the server ends"));
    }
    if (absl::Now() >= program.deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(program.path, " did not end in time and was killed",
                       outcome.log.empty() ? "" : ": ", outcome.log));
    }
  }
}

}  // namespace

absl::StatusOr<Outcome> RunProgram(const Program& program) {
  ASSIGN_OR_RETURN(const UniqueFd input, InputFile(program.input));
  ASSIGN_OR_RETURN(Pipe out, OutputPipe());
  ASSIGN_OR_RETURN(Pipe err, OutputPipe());
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(program, input.get(), out.write.get(),
                                          err.write.get()));
  out.write.reset();
  err.write.reset();
  const runtime::activity::Step step(
      program.step.empty() ? absl::StrCat("runs ", program.path) : program.step,
      pid);
  Outcome outcome;
  // The child is not reaped yet, so the number is still its own.
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const absl::Status followed =
      pidfd.ok() ? Follow(program, pidfd.get(), out.read.get(), err.read.get(),
                          outcome)
                 : runtime::ErrnoStatus("pidfd_open");
  if (!followed.ok()) kill(-pid, SIGKILL);
  outcome.exit_code = Wait(pid);
  if (!followed.ok()) return followed;
  return outcome;
}

}  // namespace cri::network::cni
