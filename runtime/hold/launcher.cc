// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/lock.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/hold/child.h"
#include "runtime/hold/pause.h"
#include "runtime/hold/run.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/spawn.h"
#include "runtime/hold/wire.h"
#include "runtime/launch/container.h"

namespace runtime::hold {
namespace {

// Below what the kernel kills for memory: without the launcher no pod starts,
// without its holder a pod loses logs and exit codes (CVE-2019-14891).
constexpr int kOomScore = -999;
// A client that connects and says nothing must not hold up the others.
constexpr timeval kRequestTimeout = {1, 0};

struct Launcher {
  UniqueFd dir, lock, listen;
  EmptyRoot empty_root;      // made for the first pod
  bool start_empty = false;  // containers, too
  std::string identity;
};

absl::StatusOr<Launcher> Open(const std::string& state_dir) {
  Launcher launcher;
  RETURN_IF_ERROR(MakeDirs(JoinPath(state_dir, "pods"), 0700));
  ASSIGN_OR_RETURN(launcher.dir,
                   OpenFile(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fchmod(launcher.dir.get(), 0700) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", state_dir));
  }
  const std::string lock = JoinPath(state_dir, "launch.lock");
  ASSIGN_OR_RETURN(launcher.lock, OpenFile(lock, O_RDWR | O_CREAT, 0600));
  const absl::Status locked = LockFile(launcher.lock.get(), lock);
  if (absl::IsAlreadyExists(locked)) {
    return absl::AlreadyExistsError(
        absl::StrCat("another launcher already serves ", state_dir));
  }
  RETURN_IF_ERROR(locked);
  launcher.listen.reset(ListenAt(launcher.dir.get(), kLauncherSocket, 128));
  if (!launcher.listen.ok()) {
    return ErrnoStatus(-launcher.listen.get(),
                       absl::StrCat("listen on ", state_dir, "/launch.sock"));
  }
  fcntl(launcher.listen.get(), F_SETFL, 0);  // it only ever accepts
  return launcher;
}

void Spawn(Launcher& launcher, const Request& request, UniqueFd peer) {
  Reply reply;
  reply.code = static_cast<int32_t>(absl::StatusCode::kResourceExhausted);
  const bool is_first = launcher.empty_root.fd() < 0;
  int error = launcher.empty_root.Ensure([&](UniqueFd* mounts) {
    return MakeEmptyRoot(launcher.dir.get(), "pods", mounts);
  });
  if (is_first && error == 0) {
    launcher.start_empty = launch::CanStartEmpty(launcher.dir.get());
  }
  if (error != 0) {
    reply.text = "make an empty root: ";
    // Containers can do without.
    if ((request.flags & kSharePid) == 0) error = 0;
  }
  if (error == 0) {
    pid_t pid = fork();
    if (pid == 0) {
      RunHolder(request, launcher.dir.get(), launcher.empty_root.fd(),
                launcher.start_empty, std::move(peer));
    }
    if (pid > 0) return;  // the holder answers
    error = errno;
    reply.text = "fork a holder: ";
  }
  absl::StrAppend(&reply.text, strerror(error));
  SendMessage(peer.get(), Encode(reply));
}

// What the host can do is tried in a fork: the attempts leave it changed.
void Probe(const Request& request, UniqueFd peer) {
  if (fork() != 0) return;
  signal(SIGCHLD, SIG_DFL);
  Reply reply;
  reply.value = static_cast<int32_t>(
      launch::ProbeFeatures(request.directory, &reply.text));
  SendMessage(peer.get(), Encode(reply));
  _exit(0);
}

// False when the launcher is to end.
bool Serve(Launcher& launcher, UniqueFd peer) {
  setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &kRequestTimeout,
             sizeof kRequestTimeout);
  Received received;
  Request request;
  if (!PeerIsRoot(peer.get(), nullptr) ||
      ReceiveMessage(peer.get(), &received) != 0 ||
      !Decode(received.data, &request)) {
    return true;
  }
  Reply reply;
  switch (request.type) {
    case RequestType::kSpawn:
      Spawn(launcher, request, std::move(peer));
      return true;
    case RequestType::kProbe:
      Probe(request, std::move(peer));
      return true;
    case RequestType::kRun:
      RunCommand(request, received.fds, std::move(peer));
      return true;
    case RequestType::kIdentity:
      reply.text = launcher.identity;
      // A daemon starts; somebody may have changed a policy before.
      launcher.empty_root.AskAgain();
      break;
    case RequestType::kQuit:
      break;
    default:
      reply.code = static_cast<int32_t>(absl::StatusCode::kUnimplemented);
      reply.text = "launcher: unknown request";
  }
  bool quit = request.type == RequestType::kQuit;
  if (quit) {
    // Free before the answer: the next launcher may start right away.
    unlinkat(launcher.dir.get(), kLauncherSocket, 0);
    flock(launcher.lock.get(), LOCK_UN);
  }
  SendMessage(peer.get(), Encode(reply));
  return !quit;
}

void Loop(Launcher& launcher) {
  while (true) {
    UniqueFd peer(
        accept4(launcher.listen.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer.ok()) {
      // Only a lack of descriptors or memory can last; both pass with time.
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) usleep(10000);
      continue;
    }
    if (!Serve(launcher, std::move(peer))) return;
  }
}

// Standard error of launcher and holders goes to a file, so that they hold no
// terminal or pipe of whoever started the daemon.
absl::Status RedirectOutput(const Launcher& launcher) {
  UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  UniqueFd log(openat(launcher.dir.get(), "launch.log",
                      O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC,
                      0600));
  if (!null.ok() || !log.ok()) return ErrnoStatus("open launch.log");
  if (dup2(null.get(), 0) < 0 || dup2(null.get(), 1) < 0 ||
      dup2(log.get(), 2) < 0) {
    return ErrnoStatus("redirect output to launch.log");
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  log::Error("launch: ", status.message());
  return 1;
}

}  // namespace

int LaunchMain(int argc, char** argv) {
  std::string state_dir = "/run/coracle";
  std::string identity;
  bool background = false;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (argument == "--background") background = true;
    if (argument == "--state" && i + 1 < argc) state_dir = argv[++i];
    if (argument == "--identity" && i + 1 < argc) identity = argv[++i];
  }
  umask(077);
  absl::StatusOr<Launcher> launcher = Open(state_dir);
  if (!launcher.ok()) return Fail(launcher.status());
  launcher->identity = identity;
  if (background) {
    pid_t pid = fork();
    if (pid < 0) return Fail(ErrnoStatus("fork"));
    if (pid > 0) _exit(0);
    setsid();
    absl::Status status = RedirectOutput(*launcher);
    if (!status.ok()) return Fail(status);
  }
  if (chdir("/") != 0) return Fail(ErrnoStatus("chdir /"));
  signal(SIGCHLD, SIG_IGN);  // dead holders need no attention of ours
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "coracle-launch");
  if (int error = SetOomScore(kOomScore); error != 0) {
    log::Info("launch: cannot lower oom_score_adj to ", kOomScore, " (",
              strerror(error), "): going on without that protection");
  }
  launch::LearnKernel();
  Loop(*launcher);
  return 0;
}

}  // namespace runtime::hold
