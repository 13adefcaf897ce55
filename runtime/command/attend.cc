// SPDX-License-Identifier: Apache-2.0
// Keeping a foreground process: signals, terminal, exit code.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/command/keeper.h"

namespace runtime::command {
namespace {

// Raw mode of our own terminal for as long as the object lives.
class RawTerminal {
 public:
  RawTerminal() {
    active_ = tcgetattr(0, &saved_) == 0;
    if (!active_) return;
    termios raw = saved_;
    cfmakeraw(&raw);
    tcsetattr(0, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (active_) tcsetattr(0, TCSANOW, &saved_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios saved_ = {};
  bool active_ = false;
};

// Copies what is there; false at the end.
bool Copy(int from, int to) {
  char buffer[8192];
  ssize_t size = read(from, buffer, sizeof(buffer));
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  if (size == 0) return false;
  return WriteAll(to, absl::string_view(buffer, static_cast<size_t>(size)),
                  "terminal")
      .ok();
}

void CopySize(int terminal) {
  winsize size;
  if (ioctl(0, TIOCGWINSZ, &size) == 0) ioctl(terminal, TIOCSWINSZ, &size);
}

// True and the code in *code once `pid` is gone.
bool Exited(pid_t pid, int* code) {
  int result;
  while (waitpid(pid, &result, WNOHANG) == pid) {
    if (WIFEXITED(result)) *code = WEXITSTATUS(result);
    if (WIFSIGNALED(result)) *code = 128 + WTERMSIG(result);
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<int> Attend(pid_t pid, int terminal) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  UniqueFd signals(signalfd(-1, &all, SFD_CLOEXEC));
  if (!signals.ok()) return ErrnoStatus("signalfd");
  RawTerminal* raw = terminal >= 0 ? new RawTerminal() : nullptr;
  if (terminal >= 0) CopySize(terminal);
  int code = 0;
  bool input = terminal >= 0, output = terminal >= 0;
  while (!Exited(pid, &code)) {
    pollfd fds[3] = {{signals.get(), POLLIN, 0},
                     {input ? 0 : -1, POLLIN, 0},
                     {output ? terminal : -1, POLLIN, 0}};
    if (poll(fds, 3, -1) < 0) continue;
    if (fds[1].revents != 0) input = Copy(0, terminal);
    if (fds[2].revents != 0) output = Copy(terminal, 1);
    if (fds[0].revents == 0) continue;
    signalfd_siginfo info;
    if (read(signals.get(), &info, sizeof(info)) !=
        static_cast<ssize_t>(sizeof(info))) {
      continue;
    }
    if (info.ssi_signo == SIGWINCH && terminal >= 0) CopySize(terminal);
    if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGWINCH &&
        info.ssi_signo != SIGPIPE) {
      kill(pid, static_cast<int>(info.ssi_signo));
    }
  }
  // What is left in the terminal, but no waiting for others who hold it open.
  pollfd rest = {terminal, POLLIN, 0};
  while (output && poll(&rest, 1, 0) > 0) output = Copy(terminal, 1);
  delete raw;
  return code;
}

}  // namespace runtime::command
