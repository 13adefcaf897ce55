// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/launcher_client.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin.h"
#include "runtime/handler/client.h"
#include "runtime/hold/identity.h"
#include "runtime/hold/launcher.h"

namespace runtime::handler {
namespace {

constexpr absl::Duration kAnswerTime = absl::Seconds(10);
constexpr absl::Duration kSpawnTime = absl::Seconds(30);

absl::StatusOr<pid_t> SpawnLauncher(const std::string& binary,
                                    const std::string& state_dir,
                                    const std::string& identity, int error_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  posix_spawn_file_actions_adddup2(&actions, error_fd, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t set;
  sigemptyset(&set);
  posix_spawnattr_setsigmask(&attributes, &set);
  sigfillset(&set);
  posix_spawnattr_setsigdefault(&attributes, &set);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = "coracle-oci", command = "launch", state_flag = "--state",
              state = state_dir, identity_flag = "--identity",
              its_identity = identity, background = "--background";
  char* argv[] = {name.data(),          command.data(),
                  state_flag.data(),    state.data(),
                  identity_flag.data(), its_identity.data(),
                  background.data(),    nullptr};
  // The holders' titles are written over arguments and environment: the
  // padding gives a sandbox ID room.
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string padding = absl::StrCat("CORACLE_TITLE=", std::string(250, ' '));
  char* environment[] = {path.data(), padding.data(), nullptr};
  pid_t pid = 0;
  int error = posix_spawn(&pid, binary.c_str(), &actions, &attributes, argv,
                          environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("start ", binary));
  return pid;
}

// What the other side wrote: the offset is shared.
absl::StatusOr<std::string> ReadWritten(int fd) {
  if (lseek(fd, 0, SEEK_SET) != 0) return ErrnoStatus("lseek");
  return ReadFd(fd, "output", 1 << 20);
}

}  // namespace

absl::Status LauncherClient::Start(const std::string& identity) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  UniqueFd error_here(fds[0]), error_there(fds[1]);
  ASSIGN_OR_RETURN(pid_t pid, SpawnLauncher(binary_, state_dir_, identity,
                                            error_there.get()));
  error_there.reset();
  // Ends when the launcher has gone to the background, or failed.
  absl::StatusOr<std::string> said =
      ReadFd(error_here.get(), "launcher's errors", 64 << 10);
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("start the launcher ", binary_, ": ",
                   said.ok() ? absl::StripAsciiWhitespace(*said)
                             : absl::string_view(said.status().message())));
}

absl::Status LauncherClient::Check() {
  RETURN_IF_ERROR(MakeDirs(state_dir_, 0700));
  ASSIGN_OR_RETURN(std::string ours, hold::BinaryIdentity(binary_));
  absl::StatusOr<Connection> connection =
      Connection::Open(state_dir_, hold::kLauncherSocket);
  if (connection.ok()) {
    connection->EndBy(end_fd_);
    absl::StatusOr<hold::Reply> theirs = connection->Call(
        {.type = hold::RequestType::kIdentity}, absl::Now() + kAnswerTime);
    if (theirs.ok() && theirs->text == ours) return absl::OkStatus();
    log::Info("launcher: replacing the one of another binary");
    RETURN_IF_ERROR(StopLauncher(state_dir_));
  } else if (!absl::IsNotFound(connection.status())) {
    return connection.status();
  }
  return Start(ours);
}

absl::Status LauncherClient::Ensure() {
  {
    absl::MutexLock lock(&mutex_);
    auto idle = [this]()
                    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; };
    mutex_.Await(absl::Condition(&idle));
    if (checked_) return absl::OkStatus();
    busy_ = true;
  }
  absl::Status status = Check();
  absl::MutexLock lock(&mutex_);
  busy_ = false;
  checked_ = status.ok();
  return status;
}

absl::StatusOr<hold::Reply> LauncherClient::Spawn(
    const hold::Request& request) {
  absl::StatusOr<hold::Reply> reply = Ask(request);
  if (reply.ok()) return reply;
  return Annotate(reply.status(), absl::StrCat("sandbox ", request.id));
}

absl::StatusOr<Connection> LauncherClient::Connect() {
  for (int attempt = 0;; ++attempt) {
    RETURN_IF_ERROR(Ensure());
    absl::StatusOr<Connection> connection =
        Connection::Open(state_dir_, hold::kLauncherSocket);
    if (connection.ok() || attempt > 0 ||
        !absl::IsNotFound(connection.status())) {
      return connection;
    }
    // It died since we looked: once more from the start.
    absl::MutexLock lock(&mutex_);
    checked_ = false;
  }
}

absl::StatusOr<hold::Reply> LauncherClient::Ask(const hold::Request& request) {
  ASSIGN_OR_RETURN(Connection connection, Connect());
  connection.EndBy(end_fd_);
  const activity::Step step(
      absl::StrCat("waits for the launcher, process ", connection.peer()));
  return connection.Call(request, absl::Now() + kSpawnTime);
}

absl::StatusOr<Command> LauncherClient::Begin(
    const std::vector<std::string>& args, uint32_t flags) {
  ASSIGN_OR_RETURN(Connection connection, Connect());
  UniqueFd out(memfd_create("stdout", MFD_CLOEXEC));
  UniqueFd err(memfd_create("stderr", MFD_CLOEXEC));
  if (!out.ok() || !err.ok()) return ErrnoStatus("memfd_create");
  hold::Request request;
  request.type = hold::RequestType::kRun;
  request.args = args;
  request.flags = flags;
  RETURN_IF_ERROR(connection.Send(request, {out.get(), err.get()}));
  return Command(std::move(connection), std::move(out), std::move(err));
}

absl::StatusOr<CommandEnd> Command::Finish(absl::Time deadline) {
  ASSIGN_OR_RETURN(const hold::Reply reply, connection_.Receive(deadline));
  CommandEnd end;
  end.code = reply.value;
  ASSIGN_OR_RETURN(end.out, ReadWritten(out_.get()));
  ASSIGN_OR_RETURN(end.err, ReadWritten(err_.get()));
  return end;
}

absl::StatusOr<std::string> LauncherClient::Run(
    const std::vector<std::string>& args, absl::Duration time) {
  const std::string context = absl::StrJoin(args, " ");
  const activity::Step step(absl::StrCat("runs ", context));
  ASSIGN_OR_RETURN(Command command, Begin(args));
  command.EndBy(end_fd_);
  absl::StatusOr<CommandEnd> end = command.Finish(absl::Now() + time);
  if (!end.ok()) return Annotate(end.status(), context);
  if (end->code == 0) return std::move(end->out);
  absl::string_view reason = absl::StripAsciiWhitespace(end->err);
  reason = reason.substr(reason.rfind('\n') + 1);
  return absl::UnknownError(absl::StrCat(
      context, ": ",
      reason.empty() ? absl::StrCat("exit code ", end->code) : reason));
}

}  // namespace runtime::handler

namespace runtime {

absl::Status StopLauncher(const std::string& state_dir) {
  absl::StatusOr<handler::Connection> connection =
      handler::Connection::Open(state_dir, hold::kLauncherSocket);
  if (absl::IsNotFound(connection.status())) return absl::OkStatus();
  RETURN_IF_ERROR(connection.status());
  absl::Time deadline = absl::Now() + absl::Seconds(10);
  absl::StatusOr<hold::Reply> reply =
      connection->Call({.type = hold::RequestType::kQuit}, deadline);
  if (!reply.ok()) return Annotate(reply.status(), "stop the launcher");
  return absl::OkStatus();
}

}  // namespace runtime
