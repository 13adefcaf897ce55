// SPDX-License-Identifier: Apache-2.0
// What a holder is asked for, and when it answers.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/hold/anchor.h"
#include "runtime/hold/holder.h"

namespace runtime::hold {
namespace {

// Whether the config is at fault, or the host. Codes that say more about an
// object than a set-up knows, such as NOT_FOUND, are told to nobody.
absl::StatusCode CodeOfSetUp(int error) {
  if (error == 0) return absl::StatusCode::kUnknown;
  const absl::StatusCode code = ErrnoStatus(error, "").code();
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
      return code;
    default:
      return absl::StatusCode::kUnknown;
  }
}

}  // namespace

void Holder::OnRequest(size_t index) {
  Connection* connection = connections_[index].get();
  if (!connection->fd.ok()) return;
  Received received;
  int error = ReceiveMessage(connection->fd.get(), &received);
  if (error == EAGAIN) return;
  Request request;
  // End of file, garbage, or a second request before the first was answered.
  if (error != 0 || !Decode(received.data, &request) ||
      (connection->waiting && request.type != RequestType::kCancelExec &&
       request.type != RequestType::kCloseInput)) {
    DropConnection(connection);
    return;
  }
  Dispatch(connection, request, &received.fds);
}

void Holder::Dispatch(Connection* connection, const Request& request,
                      std::vector<UniqueFd>* fds) {
  switch (request.type) {
    case RequestType::kSubscribe:
      return Subscribe(connection);
    case RequestType::kPing:
      return ReplySandbox(connection);
    case RequestType::kCreate:
      return Create(connection, request);
    case RequestType::kStart:
      return Start(connection, request);
    case RequestType::kKill:
      return Kill(connection, request);
    case RequestType::kRemove:
      if (HeldContainer* container = Find(request.id)) Destroy(container);
      return Wait(connection, request);
    case RequestType::kGet:
      return Get(connection, request.id);
    case RequestType::kList:
      return List(connection);
    case RequestType::kExec:
    case RequestType::kExecStream:
      return Exec(connection, request, fds);
    case RequestType::kAttach:
      return Attach(connection, request, fds);
    case RequestType::kCloseInput:
      return CloseInput(connection->serial);
    case RequestType::kCancelExec:
      return CancelExecs(connection->serial);
    case RequestType::kReopenLog:
      return ReopenLog(connection, request);
    case RequestType::kNetwork:
      return SendNetwork(connection);
    case RequestType::kAnchor:
      return Anchor(connection);
    case RequestType::kShutdown:
      shutting_down_ = true;
      for (auto& c : containers_) Destroy(c.get());
      return Wait(connection, request);
    case RequestType::kSpawn:
    case RequestType::kIdentity:
    case RequestType::kQuit:
    case RequestType::kProbe:
    case RequestType::kRun:
      break;
  }
  ReplyStatus(connection, absl::StatusCode::kUnimplemented,
              absl::StrCat("holder: unknown request ",
                           static_cast<uint32_t>(request.type)));
}

void Holder::List(Connection* connection) {
  for (auto& c : containers_) ReplyState(connection, *c);
  Reply(connection, {.type = ReplyType::kEnd});
}

void Holder::Get(Connection* connection, const std::string& id) {
  if (HeldContainer* container = Find(id)) {
    return ReplyState(connection, *container);
  }
  ReplyStatus(connection, absl::StatusCode::kNotFound,
              absl::StrCat("container ", id, ": unknown"));
}

HeldContainer* Holder::Find(absl::string_view id) {
  for (auto& c : containers_) {
    if (c->record.id == id) return c.get();
  }
  return nullptr;
}

HeldContainer* Holder::FindRunning(Connection* connection, absl::string_view id,
                                   absl::string_view action) {
  HeldContainer* container = Find(id);
  if (container == nullptr) {
    ReplyStatus(connection, absl::StatusCode::kNotFound,
                absl::StrCat("container ", id, ": unknown"));
    return nullptr;
  }
  if (container->record.phase == state::Phase::kRunning && !container->reaped) {
    return container;
  }
  ReplyStatus(connection, absl::StatusCode::kFailedPrecondition,
              absl::StrCat(action, " container ", id, ": not running"));
  return nullptr;
}

void Holder::Wait(Connection* connection, const Request& request) {
  connection->waiting = true;
  connection->pending = request.type;
  connection->pending_id = request.id;
}

void Holder::ReplySandbox(Connection* connection) {
  hold::Reply reply;
  reply.type = ReplyType::kSandbox;
  reply.value = getpid();
  reply.value2 = options_.pause_pid;
  Reply(connection, reply);
}

void Holder::Subscribe(Connection* connection) {
  ReplySandbox(connection);
  for (auto& c : containers_) {
    if (c->record.phase != state::Phase::kCreating) ReplyState(connection, *c);
  }
  Reply(connection, {.type = ReplyType::kEnd});
  connection->subscribed = true;
}

void Holder::Kill(Connection* connection, const Request& request) {
  HeldContainer* container = Find(request.id);
  // Unreaped, so the pid cannot belong to anybody else yet.
  if (container != nullptr && container->IsAlive() && !container->reaped &&
      kill(container->record.pid, request.value) != 0 && errno != ESRCH) {
    return ReplyStatus(connection, absl::StatusCode::kInternal,
                       absl::StrCat("kill container ", request.id, " with ",
                                    request.value, ": ", strerror(errno)));
  }
  ReplyStatus(connection, absl::StatusCode::kOk, "");
}

void Holder::ReopenLog(Connection* connection, const Request& request) {
  HeldContainer* container =
      FindRunning(connection, request.id, "reopen log of");
  if (container == nullptr) return;
  if (!container->log_path.empty()) {
    const absl::Status opened = Annotate(
        container->log.Open(container->log_path), "reopen the log: log_path");
    return ReplyStatus(connection, opened.code(), opened.message());
  }
  ReplyStatus(connection, absl::StatusCode::kOk, "");
}

void Holder::SendNetwork(Connection* connection) {
  UniqueFd fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    return ReplyStatus(
        connection, absl::StatusCode::kInternal,
        absl::StrCat("open /proc/self/ns/net: ", strerror(errno)));
  }
  int raw = fd.get();
  Reply(connection, hold::Reply{}, &raw, 1);
}

void Holder::Anchor(Connection* connection) {
  if (anchor_pid_ == 0) {
    const pid_t pid = StartAnchor();
    if (pid < 0) {
      return ReplyStatus(connection, absl::StatusCode::kResourceExhausted,
                         absl::StrCat("start the anchor: ", strerror(-pid)));
    }
    anchor_pid_ = pid;
  }
  hold::Reply reply;
  reply.value = anchor_pid_;
  Reply(connection, reply);
}

bool Holder::TryAnswer(Connection* connection) {
  if (connection->pending == RequestType::kShutdown) {
    return AnswerShutdown(connection);
  }
  if (connection->pending == RequestType::kExec ||
      connection->pending == RequestType::kExecStream ||
      connection->pending == RequestType::kAttach) {
    return false;  // told when it ends
  }
  HeldContainer* container = Find(connection->pending_id);
  if (connection->pending == RequestType::kRemove) {
    return AnswerRemove(connection, container);
  }
  if (container == nullptr) {
    ReplyStatus(connection, absl::StatusCode::kNotFound,
                absl::StrCat("container ", connection->pending_id,
                             ": removed meanwhile"));
    return true;
  }
  const state::ContainerRecord& record = container->record;
  if (connection->pending == RequestType::kCreate) {
    if (record.phase == state::Phase::kCreating) {
      if (!container->failed || !WasUndoTried(*container)) return false;
      ReplyStatus(connection, CodeOfSetUp(container->error), record.message);
      return true;
    }
    ReplyState(connection, *container);
    return true;
  }
  // kStart
  if (record.phase == state::Phase::kCreated) return false;
  if (record.phase == state::Phase::kExited && record.started_ns == 0) {
    ReplyStatus(
        connection, absl::StatusCode::kUnknown,
        record.message.empty() ? "killed before its start" : record.message);
    return true;
  }
  ReplyState(connection, *container);
  return true;
}

bool Holder::AnswerRemove(Connection* connection,
                          const HeldContainer* container) {
  if (container != nullptr) {
    bool ended =
        container->failed || container->record.phase == state::Phase::kExited;
    if (!ended || !WasUndoTried(*container)) return false;
    if (!IsUndone(*container)) {
      ReplyStatus(connection, absl::StatusCode::kUnknown,
                  container->delete_error);
      return true;
    }
  }
  ReplyStatus(connection, absl::StatusCode::kOk, "");
  return true;
}

bool Holder::AnswerShutdown(Connection* connection) {
  for (auto& c : containers_) {
    bool set_up = c->record.phase == state::Phase::kCreating && !c->failed;
    if (set_up || c->IsAlive() || !WasUndoTried(*c)) return false;
  }
  for (auto& c : containers_) {
    if (IsUndone(*c)) continue;
    ReplyStatus(
        connection, absl::StatusCode::kUnknown,
        absl::StrCat("container ", c->record.id, ": ", c->delete_error));
    return true;
  }
  if (options_.pause_pid > 0) kill(options_.pause_pid, SIGKILL);
  ReplyStatus(connection, absl::StatusCode::kOk, "");
  running_ = false;
  return true;
}

}  // namespace runtime::hold
