// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler: which holders live. Only one that is known to be gone (nobody
// listens on its socket, or the connection ended) counts as dead; who does not
// answer may be stopped, or busy with a slow disk, and so may its containers.
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin_impl.h"

namespace runtime::handler {
namespace {

constexpr absl::Duration kPingTime = absl::Seconds(10);
// For all holders together when the daemon starts.
constexpr absl::Duration kRecoverTime = absl::Seconds(3);
constexpr int kSweeps = 5;
constexpr absl::Duration kBetweenSweeps = absl::Milliseconds(20);

// NOT_FOUND if the holder died in the middle of a conversation.
absl::Status NotRunningIfGone(const std::string& sandbox_id,
                              const absl::Status& status) {
  const std::string context = absl::StrCat("sandbox ", sandbox_id);
  if (!absl::IsUnavailable(status)) return Annotate(status, context);
  return absl::NotFoundError(absl::StrCat(context, ": not running"));
}

}  // namespace

absl::StatusOr<SandboxState> BuiltinHandler::FindLiving(
    const std::string& sandbox_id) {
  ASSIGN_OR_RETURN(Connection connection, Ping(sandbox_id));
  return Hear(sandbox_id, &connection, absl::Now() + kPingTime);
}

absl::StatusOr<Connection> BuiltinHandler::Ping(const std::string& sandbox_id) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  absl::Status sent = connection.Send({.type = hold::RequestType::kPing});
  if (!sent.ok()) return NotRunningIfGone(sandbox_id, sent);
  return connection;
}

absl::StatusOr<SandboxState> BuiltinHandler::Hear(const std::string& sandbox_id,
                                                  Connection* connection,
                                                  absl::Time deadline) {
  absl::StatusOr<hold::Reply> reply = connection->Receive(deadline);
  if (!reply.ok()) return NotRunningIfGone(sandbox_id, reply.status());
  SandboxState result;
  result.id = sandbox_id;
  result.holder_pid = connection->peer();
  result.pause_pid = reply->value2;
  std::string shm = JoinPath(PodDir(sandbox_id), "shm");
  if (Exists(shm)) result.shm_dir = shm;
  std::string files = JoinPath(PodDir(sandbox_id), "files");
  if (Exists(files)) result.files_dir = files;
  if (!events_.IsWatched(sandbox_id)) RETURN_IF_ERROR(Subscribe(sandbox_id));
  return result;
}

absl::Status BuiltinHandler::Subscribe(const std::string& sandbox_id) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  RETURN_IF_ERROR(connection.Send({.type = hold::RequestType::kSubscribe}));
  return events_.Watch(sandbox_id, connection.TakeFd());
}

absl::StatusOr<std::vector<SandboxState>> BuiltinHandler::Recover() {
  RETURN_IF_ERROR(MakeDirs(pods_dir_, 0700));
  ASSIGN_OR_RETURN(std::vector<std::string> ids, ListDir(pods_dir_));
  // All are asked before the first is heard: who is stuck keeps nobody waiting.
  std::map<std::string, absl::StatusOr<Connection>> asked;
  for (const std::string& id : ids) {
    if (state::IsValidId(id)) asked.emplace(id, Ping(id));
  }
  const absl::Time deadline = absl::Now() + kRecoverTime;
  std::vector<SandboxState> result;
  for (auto& [id, connection] : asked) {
    Turn turn(this, id);
    absl::StatusOr<SandboxState> living = connection.ok()
                                              ? Hear(id, &*connection, deadline)
                                              : connection.status();
    if (absl::IsNotFound(living.status())) {
      log::Info("recover: sandbox ", id, " has lost its holder: sweeping");
      living = SweepLost(id);
    }
    if (living.ok()) {
      result.push_back(*std::move(living));
    } else if (!absl::IsNotFound(living.status())) {
      log::Warning("recover: ", living.status().message(),
                   "; its containers are taken to run");
      KeepListening(id);
      result.push_back({.id = id, .silent = true});
    }
  }
  // Now, so that the first pod does not wait for it.
  if (absl::Status status = launcher_.Ensure(); !status.ok()) {
    log::Error("launcher: ", status.message(), "; pods cannot be started");
  }
  return result;
}

// A holder that the daemon before this one asked for may come to life in the
// middle of it, if this one starts at once: it is to be ended in order.
absl::StatusOr<SandboxState> BuiltinHandler::SweepLost(const std::string& id) {
  absl::Status swept = Sweep(id, /*tell=*/true);
  for (int i = 0; i < kSweeps && !swept.ok() && !absl::IsAborted(swept); ++i) {
    absl::StatusOr<SandboxState> living = FindLiving(id);
    if (!absl::IsNotFound(living.status())) return living;
    absl::SleepFor(kBetweenSweeps);
    swept = Sweep(id, /*tell=*/true);
  }
  if (!swept.ok()) log::Warning("recover: ", swept.message());
  return absl::NotFoundError(absl::StrCat("sandbox ", id, ": no holder"));
}

void BuiltinHandler::KeepListening(const std::string& sandbox_id) {
  if (events_.IsWatched(sandbox_id)) return;
  if (absl::Status status = Subscribe(sandbox_id); !status.ok()) {
    log::Warning("sandbox ", sandbox_id,
                 ": asked again later: ", status.message());
    losses_.PostAfter(kPingTime, [this, sandbox_id] { OnLost(sandbox_id); });
  }
}

// Either the holder dropped us as a slow reader, or it died.
void BuiltinHandler::OnLost(const std::string& sandbox_id) {
  Turn turn(this, sandbox_id);
  absl::StatusOr<SandboxState> living = FindLiving(sandbox_id);
  if (living.ok()) return;
  if (!absl::IsNotFound(living.status())) {
    log::Warning(living.status().message());
    return KeepListening(sandbox_id);
  }
  if (!Exists(PodDir(sandbox_id))) return;  // removed meanwhile
  log::Error("sandbox ", sandbox_id, ": its holder died: ending the sandbox");
  if (absl::Status status = Sweep(sandbox_id, /*tell=*/true); !status.ok()) {
    log::Warning(status.message());
  }
}

}  // namespace runtime::handler
