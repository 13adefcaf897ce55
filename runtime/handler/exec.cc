// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler::ExecSync: output by pipes, outcome by the holder.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin_impl.h"
#include "runtime/handler/process_file.h"

namespace runtime::handler {
namespace {

// How long the holder may take to end the tree of a command that is over its
// time or of no use any more.
constexpr absl::Duration kKillTime = absl::Seconds(10);

struct Stream {
  UniqueFd read, write;
  std::string data;
};

absl::Status OpenPipe(Stream* stream) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  stream->read.reset(fds[0]);
  stream->write.reset(fds[1]);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return absl::OkStatus();
}

// Reads once, which empties a pipe. What is over `limit` is dropped, so that
// the command never blocks on a full pipe nor fills our memory
// (CVE-2022-31030).
void ReadStream(Stream* stream, size_t limit) {
  char buffer[65536] __attribute__((uninitialized));
  if (!stream->read.ok()) return;
  ssize_t size = read(stream->read.get(), buffer, sizeof buffer);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) {
    stream->read.reset();
    return;
  }
  size_t room = limit - std::min(limit, stream->data.size());
  stream->data.append(buffer, std::min(room, static_cast<size_t>(size)));
}

// Follows the command to its end: DEADLINE_EXCEEDED or CANCELLED if it has to
// be ended.
absl::StatusOr<hold::Reply> Follow(Connection* connection, Stream* out,
                                   Stream* err, const ExecOptions& options,
                                   absl::Time deadline) {
  while (true) {
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError("time is up");
    }
    pollfd polled[4] = {{connection->fd(), POLLIN, 0},
                        {options.cancelled_fd, POLLIN, 0},
                        {out->read.get(), POLLIN, 0},
                        {err->read.get(), POLLIN, 0}};
    int ready = poll(polled, 4, PollMilliseconds(deadline));
    if (ready < 0 && errno != EINTR) return ErrnoStatus("poll");
    if (ready <= 0) continue;
    ReadStream(out, options.max_output_bytes);
    ReadStream(err, options.max_output_bytes);
    if (polled[0].revents != 0) {
      return connection->Receive(absl::InfiniteFuture());
    }
    if (polled[1].revents != 0) {
      return absl::CancelledError("nobody waits for it any more");
    }
  }
}

// Whether the command's tree is known to have ended. The answer comes when it
// is dead, closing would end it, too, and who hangs up at that moment has told.
bool EndTree(Connection* connection) {
  const absl::Status killed =
      connection
          ->Call({.type = hold::RequestType::kCancelExec},
                 absl::Now() + kKillTime)
          .status();
  return killed.ok() || absl::IsUnavailable(killed);
}

}  // namespace

// To read and parse a whole config takes a tenth of the time of an exec.
absl::StatusOr<UniqueFd> BuiltinHandler::ProcessFor(
    const std::string& sandbox_id, const std::string& id,
    const std::vector<std::string>& args, bool terminal) {
  ASSIGN_OR_RETURN(const state::SandboxRecord sandbox, ReadSandbox(sandbox_id));
  if (sandbox.runtime.empty() && !terminal) return ProcessFile(args);
  ASSIGN_OR_RETURN(const state::ContainerPlan plan, PlanOf(sandbox_id, id));
  return ProcessFile(plan.config_json, args, terminal);
}

absl::StatusOr<ExecResult> BuiltinHandler::ExecSync(
    const std::string& sandbox_id, const std::string& id,
    const ExecOptions& options) {
  const std::string context = absl::StrCat("exec in container ", id);
  if (options.args.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(context, ": no command"));
  }
  absl::Time deadline = options.timeout > absl::ZeroDuration()
                            ? absl::Now() + options.timeout
                            : absl::InfiniteFuture();
  ASSIGN_OR_RETURN(UniqueFd process,
                   ProcessFor(sandbox_id, id, options.args, false));
  Stream out, err;
  RETURN_IF_ERROR(OpenPipe(&out));
  RETURN_IF_ERROR(OpenPipe(&err));
  // Last, so that the holder wakes once, for the connection and the request.
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  RETURN_IF_ERROR(Annotate(
      connection.Send({.type = hold::RequestType::kExec, .id = id},
                      {process.get(), out.write.get(), err.write.get()}),
      context));
  out.write.reset();
  err.write.reset();
  absl::StatusOr<hold::Reply> reply =
      Follow(&connection, &out, &err, options, deadline);
  const bool late = absl::IsDeadlineExceeded(reply.status());
  if (late || absl::IsCancelled(reply.status())) {
    const bool ended = EndTree(&connection);
    return absl::Status(
        reply.status().code(),
        absl::StrCat(context, ": ",
                     late ? absl::StrCat("command timed out after ",
                                         absl::FormatDuration(options.timeout))
                          : std::string(reply.status().message()),
                     ended ? "" : " and its end was not confirmed"));
  }
  if (!reply.ok()) return Annotate(reply.status(), context);
  // What the command wrote before its end is in the pipes; what a process that
  // it left behind will write later is not its output.
  ReadStream(&out, options.max_output_bytes);
  ReadStream(&err, options.max_output_bytes);
  ExecResult result;
  result.exit_code = reply->value;
  result.standard_output = std::move(out.data);
  result.standard_error = std::move(err.data);
  return result;
}

}  // namespace runtime::handler
