// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/hold/socket.h"

namespace runtime::handler {

absl::Status Connection::Await(absl::Time deadline) const {
  while (true) {
    pollfd polled[2] = {{fd_.get(), POLLIN, 0}, {end_fd_, POLLIN, 0}};
    int ready = poll(polled, 2, PollMilliseconds(deadline));
    if (ready < 0 && errno != EINTR) return ErrnoStatus("poll");
    if (ready > 0) {
      if (polled[0].revents != 0) return absl::OkStatus();
      return absl::CancelledError("the daemon ends before the answer");
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError("no answer in time");
    }
  }
}

absl::StatusOr<Connection> Connection::Open(const std::string& directory,
                                            const char* name) {
  ASSIGN_OR_RETURN(UniqueFd dir, OpenFile(directory, O_RDONLY | O_DIRECTORY));
  Connection connection;
  int fd = hold::ConnectAt(dir.get(), name);
  if (fd == -ENOENT || fd == -ECONNREFUSED) {
    return absl::NotFoundError(
        absl::StrCat(directory, "/", name, ": nobody listens"));
  }
  if (fd < 0) {
    return ErrnoStatus(-fd, absl::StrCat("connect ", directory, "/", name));
  }
  connection.fd_.reset(fd);
  if (!hold::PeerIsRoot(fd, &connection.peer_)) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, "/", name, ": its owner is not root"));
  }
  return connection;
}

absl::Status Connection::Send(const hold::Request& request,
                              const std::vector<int>& fds) {
  int error = hold::SendMessage(fd_.get(), hold::Encode(request), fds.data(),
                                static_cast<int>(fds.size()));
  if (error == EPIPE || error == ECONNRESET) {
    return absl::UnavailableError("send: the holder is gone");
  }
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "send");
}

absl::StatusOr<hold::Reply> Connection::Receive(absl::Time deadline,
                                                std::vector<UniqueFd>* fds) {
  RETURN_IF_ERROR(Await(deadline));
  hold::Received received;
  int error = hold::ReceiveMessage(fd_.get(), &received);
  if (error == ENODATA || error == ECONNRESET) {
    return absl::UnavailableError("it ended before it answered");
  }
  if (error != 0) return ErrnoStatus(error, "receive");
  hold::Reply reply;
  if (!hold::Decode(received.data, &reply)) {
    return absl::InternalError("receive: malformed answer");
  }
  if (reply.type == hold::ReplyType::kStatus && reply.code != 0) {
    return absl::Status(static_cast<absl::StatusCode>(reply.code), reply.text);
  }
  if (fds != nullptr) *fds = std::move(received.fds);
  return reply;
}

absl::StatusOr<hold::Reply> Connection::Call(const hold::Request& request,
                                             absl::Time deadline) {
  RETURN_IF_ERROR(Send(request));
  return Receive(deadline);
}

absl::Status Connection::WaitForEnd(absl::Time deadline) {
  while (true) {
    RETURN_IF_ERROR(Await(deadline));
    hold::Received received;
    int error = hold::ReceiveMessage(fd_.get(), &received);
    if (error != 0 && error != EMSGSIZE) return absl::OkStatus();
  }
}

int PollMilliseconds(absl::Time deadline) {
  const absl::Duration left =
      std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
  return static_cast<int>(
      absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

absl::StatusOr<Connection> OpenHolder(const std::string& pods_dir,
                                      const std::string& sandbox_id) {
  if (!state::IsValidId(sandbox_id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("sandbox \"", sandbox_id, "\": not a valid id"));
  }
  absl::StatusOr<Connection> connection =
      Connection::Open(JoinPath(pods_dir, sandbox_id), "holder.sock");
  if (absl::IsNotFound(connection.status())) {
    return absl::NotFoundError(
        absl::StrCat("sandbox ", sandbox_id, ": not running"));
  }
  return connection;
}

ContainerState ToContainerState(const std::string& sandbox_id,
                                const state::ContainerRecord& record) {
  auto time = [](int64_t nanoseconds) {
    return nanoseconds == 0 ? absl::InfinitePast()
                            : absl::FromUnixNanos(nanoseconds);
  };
  ContainerState result;
  result.sandbox_id = sandbox_id;
  result.id = record.id;
  switch (record.phase) {
    case state::Phase::kCreating:
    case state::Phase::kCreated:
      result.phase = ContainerPhase::kCreated;
      break;
    case state::Phase::kRunning:
      result.phase = ContainerPhase::kRunning;
      break;
    case state::Phase::kExited:
      result.phase = ContainerPhase::kExited;
      break;
  }
  result.pid = record.pid;
  result.created_at = time(record.created_ns);
  result.started_at = time(record.started_ns);
  result.finished_at = time(record.finished_ns);
  result.exit_code = record.exit_code;
  result.oom_killed = record.oom_killed;
  result.message = record.message;
  for (const auto& [name, nanoseconds] : record.phases) {
    result.phases.emplace_back(
        name, absl::Nanoseconds(static_cast<int64_t>(nanoseconds)));
  }
  return result;
}

}  // namespace runtime::handler
