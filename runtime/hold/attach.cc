// SPDX-License-Identifier: Apache-2.0
// Clients that share a container's streams. Output is written to each client's
// pipe beside the log. While a pipe is full the container's output waits, but
// not for long: a client has to take kMinTaken in every kWindow of that, or it
// is let go. So a stalled client costs the container one window, a slow one
// never slows it below 1 MiB/s, and the holder keeps one read's rest for each.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/hold/holder.h"

namespace runtime::hold {
namespace {

constexpr size_t kMaxAttaches = 64;     // of a container
constexpr int64_t kWindow = 500000000;  // ns
constexpr size_t kMinTaken = 512 << 10;

// Writes what the pipe takes; what it does not take is the rest.
void Write(HeldAttach* attach, AttachPipe* pipe, absl::string_view data) {
  while (pipe->fd.ok() && !data.empty()) {
    ssize_t size = write(pipe->fd.get(), data.data(), data.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) {  // nobody reads it any more
      pipe->fd.reset();
      break;
    }
    attach->taken += static_cast<size_t>(size);
    data.remove_prefix(static_cast<size_t>(size));
  }
  if (!pipe->fd.ok()) data = {};
  std::string(data).swap(pipe->rest);  // gives the memory back, too
}

// Opens a window when a pipe turns full, a new one when enough was taken.
void UpdateWindow(HeldAttach* attach) {
  if (attach->window_start != 0 && attach->taken >= kMinTaken) {
    attach->window_start = 0;
  }
  if (attach->window_start == 0 && attach->IsFull()) {
    attach->window_start = MonotonicNanoseconds();
    attach->taken = 0;
  }
}

}  // namespace

void Holder::Attach(Connection* connection, const Request& request,
                    std::vector<UniqueFd>* fds) {
  HeldContainer* container = FindRunning(connection, request.id, "attach to");
  if (container == nullptr) return;
  const uint32_t outputs = request.flags & (kStreamOut | kStreamErr);
  if (fds->size() != static_cast<size_t>(std::popcount(outputs))) {
    return ReplyStatus(connection, absl::StatusCode::kInvalidArgument,
                       "attach: wants one descriptor for each output");
  }
  if (container->attaches.size() >= kMaxAttaches) {
    return ReplyStatus(connection, absl::StatusCode::kResourceExhausted,
                       absl::StrCat("attach to container ", request.id,
                                    ": has ", kMaxAttaches, " clients"));
  }
  const bool tty = (container->flags & state::kTty) != 0;
  HeldAttach attach;
  attach.connection = connection->serial;
  attach.in = (request.flags & kStreamIn) != 0;
  size_t next = 0;
  for (auto [flag, pipe] : {std::pair(kStreamOut, &attach.out),
                            std::pair(kStreamErr, &attach.err)}) {
    if ((request.flags & flag) == 0) continue;
    pipe->fd = std::move((*fds)[next++]);
    fcntl(pipe->fd.get(), F_SETFL, O_NONBLOCK);
  }
  if (tty) attach.err.fd.reset();  // ends at once: all is standard output
  hold::Reply reply;
  reply.type = ReplyType::kStarted;
  // A terminal goes to everyone, who may change its size.
  const int passed = tty         ? container->out.get()
                     : attach.in ? container->stdin_pipe.get()
                                 : -1;
  const bool has_input = (container->flags & state::kStdinOpen) != 0;
  reply.value = (tty ? kTerminal : 0) | (has_input ? 0 : kInputShut);
  container->attaches.push_back(std::move(attach));
  Wait(connection, request);
  Reply(connection, reply, &passed, passed >= 0 ? 1 : 0);
}

void Holder::Tee(HeldContainer* container, bool err, absl::string_view data) {
  for (HeldAttach& attach : container->attaches) {
    Write(&attach, err ? &attach.err : &attach.out, data);
    UpdateWindow(&attach);
  }
}

bool Holder::IsHeldUp(const HeldContainer& container) {
  return std::any_of(container.attaches.begin(), container.attaches.end(),
                     [](const HeldAttach& attach) { return attach.IsFull(); });
}

void Holder::WatchFull(size_t index) {
  for (HeldAttach& attach : containers_[index]->attaches) {
    for (AttachPipe* pipe : {&attach.out, &attach.err}) {
      if (pipe->rest.empty()) continue;
      Watch(pipe->fd.get(), POLLOUT, &Holder::OnAttachReady, index);
    }
  }
}

void Holder::OnAttachReady(size_t index) {
  for (HeldAttach& attach : containers_[index]->attaches) {
    for (AttachPipe* pipe : {&attach.out, &attach.err}) {
      if (pipe->rest.empty()) continue;
      const std::string rest = std::move(pipe->rest);
      Write(&attach, pipe, rest);
    }
    UpdateWindow(&attach);
  }
}

int64_t Holder::WindowEnd(const HeldContainer& container) {
  int64_t first = 0;
  for (const HeldAttach& attach : container.attaches) {
    if (!attach.IsFull()) continue;
    const int64_t end = attach.window_start + kWindow;
    if (first == 0 || end < first) first = end;
  }
  return first;
}

void Holder::DropStalled(HeldContainer* container, int64_t now) {
  std::vector<uint64_t> stalled;
  for (HeldAttach& attach : container->attaches) {
    if (attach.window_start == 0 || attach.window_start + kWindow > now) {
      continue;
    }
    if (attach.IsFull()) stalled.push_back(attach.connection);
    attach.window_start = 0;
  }
  for (uint64_t serial : stalled) {
    Detach(serial);
    hold::Reply reply;
    reply.code = static_cast<int32_t>(absl::StatusCode::kResourceExhausted);
    reply.text = absl::StrCat("attach to container ", container->record.id,
                              ": the client reads too slowly");
    EndStream(serial, reply);
  }
}

// With `stdin_once` the container's input ends with its client's. Else it stays
// open for others, and this client, who has said all, is done; not one that
// looks at a terminal, though.
void Holder::CloseInput(uint64_t connection) {
  bool done = false;
  for (auto& c : containers_) {
    for (const HeldAttach& attach : c->attaches) {
      if (attach.connection != connection || !attach.in) continue;
      if ((c->flags & state::kStdinOnce) != 0) c->stdin_pipe.reset();
      done = (c->flags & state::kStdinOpen) != 0 &&
             (c->flags & (state::kStdinOnce | state::kTty)) == 0;
    }
  }
  if (!done) return;
  Detach(connection);
  hold::Reply reply;
  reply.type = ReplyType::kExecExit;
  EndStream(connection, reply);
}

void Holder::Detach(uint64_t connection) {
  for (auto& c : containers_) {
    auto& all = c->attaches;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [connection](const HeldAttach& attach) {
                               return attach.connection == connection;
                             }),
              all.end());
    if (all.empty()) all.shrink_to_fit();
  }
}

void Holder::EndAttaches(HeldContainer* container) {
  std::vector<HeldAttach> ended;
  ended.swap(container->attaches);
  hold::Reply reply;
  reply.type = ReplyType::kExecExit;
  reply.value = container->record.exit_code;
  for (const HeldAttach& attach : ended) EndStream(attach.connection, reply);
}

void Holder::EndStream(uint64_t serial, const hold::Reply& reply) {
  for (auto& connection : connections_) {
    if (connection->serial != serial) continue;
    connection->waiting = false;
    Reply(connection.get(), reply);
  }
}

}  // namespace runtime::hold
