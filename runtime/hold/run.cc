// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/hold/child.h"
#include "runtime/hold/held.h"
#include "runtime/hold/socket.h"

namespace runtime::hold {
namespace {

[[noreturn]] void Become(const Request& request, int out, int err) {
  ResetChild();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) {
    _exit(126);
  }
  std::vector<char*> argv;
  for (const std::string& arg : request.args) {
    argv.push_back(const_cast<char*>(arg.c_str()));
  }
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  dprintf(2, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

// Its wait status; -1 if the one who asked went before.
int Await(pid_t pid, int peer) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd polled[2] = {{pidfd.get(), POLLIN, 0}, {peer, POLLIN, 0}};
  bool gone = false;
  while (pidfd.ok() && polled[0].revents == 0 && !gone) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) break;
    gone = polled[1].revents != 0 && polled[0].revents == 0;
  }
  if (gone) kill(pid, SIGKILL);
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  return gone ? -1 : wait_status;
}

void Answer(int peer, pid_t pid) {
  Reply reply;
  if (pid < 0) {
    reply.code = static_cast<int32_t>(absl::StatusCode::kResourceExhausted);
    reply.text = absl::StrCat("fork: ", strerror(errno));
  } else {
    const int wait_status = Await(pid, peer);
    if (wait_status < 0) return;
    reply.type = ReplyType::kExecExit;
    reply.value = ExitCode(wait_status);
  }
  SendMessage(peer, Encode(reply));
}

}  // namespace

void RunCommand(const Request& request, const std::vector<UniqueFd>& fds,
                UniqueFd peer) {
  if (request.args.empty() || fds.size() != 2) {
    Reply reply;
    reply.code = static_cast<int32_t>(absl::StatusCode::kInvalidArgument);
    reply.text = "run: wants a command and two descriptors";
    SendMessage(peer.get(), Encode(reply));
    return;
  }
  // The launcher does not wait: it would keep everybody else waiting.
  const pid_t runner = fork();
  if (runner < 0) return Answer(peer.get(), runner);
  if (runner > 0) return;
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  const pid_t pid = fork();
  if (pid == 0) Become(request, fds[0].get(), fds[1].get());
  Answer(peer.get(), pid);
  _exit(0);
}

}  // namespace runtime::hold
