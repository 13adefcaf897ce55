// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler::Exec and Attach: the data flows between the process (or, for
// an attach, the holder) and pipes of ours; the holder tells how it ends.
#include "runtime/handler/stream.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/handler/builtin_impl.h"
#include "runtime/handler/process_file.h"

namespace runtime::handler {
namespace {

constexpr absl::Duration kStartTime = absl::Minutes(1);
// Larger pipes mean fewer turns, until they leave the processor's cache. Users
// other than root stay at 64 KiB when they are over their share of pipe memory.
constexpr int kPipeBytes = 256 << 10;

absl::StatusOr<UniqueFd> Duplicate(const UniqueFd& fd) {
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy.ok()) return ErrnoStatus("dup");
  return copy;
}

// A pipe whose end `ours` does not block.
absl::Status OpenPipe(UniqueFd* ours, UniqueFd* theirs, bool we_read) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  ours->reset(we_read ? fds[0] : fds[1]);
  theirs->reset(we_read ? fds[1] : fds[0]);
  fcntl(ours->get(), F_SETFL, O_NONBLOCK);
  fcntl(ours->get(), F_SETPIPE_SZ, kPipeBytes);
  return absl::OkStatus();
}

class HolderStream : public StreamSession {
 public:
  HolderStream(StreamLoop* loop, Connection connection, bool attached)
      : loop_(*loop), connection_(std::move(connection)), attached_(attached) {}

  ~HolderStream() override {
    EndSharedInput();
    if (key_.has_value()) loop_.Forget(*key_);
  }

  void CloseInput() override {
    if (!terminal_.ok()) in.reset();
    EndSharedInput();
  }

  absl::Status Resize(uint16_t rows, uint16_t columns) override {
    if (!terminal_.ok()) {
      return absl::FailedPreconditionError("resize: there is no terminal");
    }
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    if (ioctl(terminal_.get(), TIOCSWINSZ, &size) == 0) {
      return absl::OkStatus();
    }
    return ErrnoStatus("resize the terminal");
  }

  void OnExit(Done done) override {
    absl::StatusOr<uint64_t> key = loop_.Watch(connection_.fd(), done);
    if (key.ok()) {
      key_ = *key;
    } else {
      done(key.status());
    }
  }

  // Sends `request` with the other ends of what `options` asks for, and waits
  // until the holder has connected them.
  absl::Status Open(const hold::Request& request, const StreamOptions& options,
                    std::vector<UniqueFd> fds);

 private:
  absl::Status TakeTerminal(UniqueFd terminal, const StreamOptions& options);
  // Only the first attach that has an input may end that of its container.
  void EndSharedInput();

  StreamLoop& loop_;
  Connection connection_;
  const bool attached_;
  absl::Mutex mutex_;
  bool input_ended_ ABSL_GUARDED_BY(mutex_) = false;
  UniqueFd terminal_;
  std::optional<uint64_t> key_;
};

absl::Status HolderStream::TakeTerminal(UniqueFd terminal,
                                        const StreamOptions& options) {
  fcntl(terminal.get(), F_SETFL, O_NONBLOCK);
  if (options.in) {
    ASSIGN_OR_RETURN(in, Duplicate(terminal));
  }
  // An attach reads from the holder, which gives everybody everything.
  if (options.out && !attached_) {
    ASSIGN_OR_RETURN(out, Duplicate(terminal));
  }
  terminal_ = std::move(terminal);
  return absl::OkStatus();
}

absl::Status HolderStream::Open(const hold::Request& request,
                                const StreamOptions& options,
                                std::vector<UniqueFd> fds) {
  const uint32_t flags = request.flags;
  if ((flags & hold::kStreamIn) != 0 && !attached_) {
    RETURN_IF_ERROR(OpenPipe(&in, &fds.emplace_back(), false));
  }
  if ((flags & hold::kStreamOut) != 0) {
    RETURN_IF_ERROR(OpenPipe(&out, &fds.emplace_back(), true));
  }
  if ((flags & hold::kStreamErr) != 0) {
    RETURN_IF_ERROR(OpenPipe(&err, &fds.emplace_back(), true));
  }
  std::vector<int> borrowed;
  for (const UniqueFd& fd : fds) borrowed.push_back(fd.get());
  RETURN_IF_ERROR(connection_.Send(request, borrowed));
  fds.clear();
  std::vector<UniqueFd> passed;
  ASSIGN_OR_RETURN(hold::Reply reply,
                   connection_.Receive(absl::Now() + kStartTime, &passed));
  if (reply.type != hold::ReplyType::kStarted) {
    return absl::InternalError("the holder sent an unexpected answer");
  }
  if (passed.empty()) return absl::OkStatus();
  if ((reply.value & hold::kTerminal) != 0) {
    StreamOptions open = options;
    open.in = options.in && (reply.value & hold::kInputShut) == 0;
    return TakeTerminal(std::move(passed[0]), open);
  }
  in = std::move(passed[0]);
  return absl::OkStatus();
}

void HolderStream::EndSharedInput() {
  absl::MutexLock lock(&mutex_);
  if (!attached_ || std::exchange(input_ended_, true)) return;
  // A holder that is gone has no input to end.
  (void)connection_.Send({.type = hold::RequestType::kCloseInput});
}

uint32_t FlagsOf(const StreamOptions& options) {
  return (options.in ? hold::kStreamIn : 0u) |
         (options.out ? hold::kStreamOut : 0u) |
         (options.err ? hold::kStreamErr : 0u);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamSession>> BuiltinHandler::Exec(
    const std::string& sandbox_id, const std::string& id,
    const StreamOptions& options) {
  const std::string context = absl::StrCat("exec in container ", id);
  if (options.args.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(context, ": no command"));
  }
  if (options.tty && options.err) {
    return absl::InvalidArgumentError(
        absl::StrCat(context, ": a terminal has no standard error"));
  }
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  std::vector<UniqueFd> fds(1);
  ASSIGN_OR_RETURN(fds[0],
                   ProcessFor(sandbox_id, id, options.args, options.tty));
  auto session =
      std::make_unique<HolderStream>(&streams_, std::move(connection), false);
  hold::Request request;
  request.type = hold::RequestType::kExecStream;
  request.id = id;
  if (!options.tty) request.flags = FlagsOf(options);
  RETURN_IF_ERROR(
      Annotate(session->Open(request, options, std::move(fds)), context));
  return session;
}

absl::StatusOr<std::unique_ptr<StreamSession>> BuiltinHandler::Attach(
    const std::string& sandbox_id, const std::string& id,
    const StreamOptions& options) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  auto session =
      std::make_unique<HolderStream>(&streams_, std::move(connection), true);
  hold::Request request;
  request.type = hold::RequestType::kAttach;
  request.id = id;
  request.flags = FlagsOf(options);
  RETURN_IF_ERROR(Annotate(session->Open(request, options, {}),
                           absl::StrCat("attach to container ", id)));
  return session;
}

}  // namespace runtime::handler
