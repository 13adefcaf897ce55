// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/run.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"
#include "runtime/hold/child.h"
#include "runtime/hold/held.h"
#include "runtime/hold/socket.h"

namespace runtime::hold {
namespace {

// Its wait status; -1 if the one who asked went before. Without `peer` nobody
// can go.
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

void Answer(int peer, const absl::StatusOr<Spawned>& spawned, bool to_the_end) {
  Reply reply;
  if (!spawned.ok()) {
    reply.code = static_cast<int32_t>(absl::StatusCode::kResourceExhausted);
    reply.text = std::string(spawned.status().message());
  } else {
    const int wait_status = Await(spawned->pid, to_the_end ? -1 : peer);
    if (wait_status < 0) return;
    reply.type = ReplyType::kExecExit;
    reply.value = ExitCode(wait_status);
  }
  SendMessage(peer, Encode(reply));
}

// A command that cannot run says so where it would have said anything else.
absl::StatusOr<Spawned> Start(const Request& request, int out, int err) {
  Program program;
  program.path = request.args[0];
  program.args = request.args;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    program.env.push_back(*entry);
  }
  program.out = out;
  program.err = err;
  program.dies_with_parent = true;
  ASSIGN_OR_RETURN(Spawned spawned, Spawn(program));
  absl::Status started = AwaitSpawn(spawned, program.path);
  if (!started.ok()) {
    RETURN_IF_ERROR(
        WriteAll(err, absl::StrCat(started.message(), "\n"), program.path));
  }
  return spawned;
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
  if (runner < 0) return Answer(peer.get(), ErrnoStatus("fork"), false);
  if (runner > 0) return;
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  SetOomScore(0);  // raising is always allowed
  Answer(peer.get(), Start(request, fds[0].get(), fds[1].get()),
         (request.flags & kRunToTheEnd) != 0);
  _exit(0);
}

}  // namespace runtime::hold
