// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/stream_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/thread.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/wire.h"

namespace runtime::handler {
namespace {

constexpr uint64_t kWakeKey = 0;

// What the holder told, or nothing yet.
std::optional<absl::StatusOr<int>> ReadOutcome(int fd) {
  hold::Received received;
  int error = hold::ReceiveMessage(fd, &received);
  if (error == EINTR || error == EAGAIN) return std::nullopt;
  hold::Reply reply;
  if (error != 0) return absl::UnavailableError("the pod's holder is gone");
  if (!hold::Decode(received.data, &reply)) {
    return absl::InternalError("the pod's holder sent a malformed answer");
  }
  if (reply.type == hold::ReplyType::kStatus && reply.code != 0) {
    return absl::Status(static_cast<absl::StatusCode>(reply.code), reply.text);
  }
  return reply.value;
}

}  // namespace

StreamLoop::StreamLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeKey;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

StreamLoop::~StreamLoop() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0) log::Error("wake streams");
  if (thread.joinable()) thread.join();
}

absl::StatusOr<uint64_t> StreamLoop::Watch(int fd, StreamSession::Done done) {
  absl::MutexLock lock(&mutex_);
  if (!thread_.joinable()) {
    absl::StatusOr<std::thread> thread = StartThread([this] {
      pthread_setname_np(pthread_self(), "holder-streams");
      Run();
    });
    RETURN_IF_ERROR(thread.status());
    thread_ = *std::move(thread);
  }
  const uint64_t key = next_key_++;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return ErrnoStatus("watch a stream");
  }
  watched_[key] = {fd, std::move(done)};
  return key;
}

void StreamLoop::Forget(uint64_t key) {
  absl::MutexLock lock(&mutex_);
  if (auto it = watched_.find(key); it != watched_.end()) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->second.fd, nullptr);
    watched_.erase(it);
    return;
  }
  if (thread_.get_id() == std::this_thread::get_id()) return;
  auto over = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return running_ != key;
  };
  mutex_.Await(absl::Condition(&over));
}

void StreamLoop::Read(uint64_t key) {
  StreamSession::Done done;
  absl::StatusOr<int> outcome;
  {
    absl::MutexLock lock(&mutex_);
    auto it = watched_.find(key);
    if (it == watched_.end()) return;
    std::optional<absl::StatusOr<int>> told = ReadOutcome(it->second.fd);
    if (!told.has_value()) return;
    outcome = *std::move(told);
    done = std::move(it->second.done);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->second.fd, nullptr);
    watched_.erase(it);
    running_ = key;
  }
  done(std::move(outcome));
  done = nullptr;  // what it holds goes before Forget may return
  absl::MutexLock lock(&mutex_);
  running_ = 0;
}

void StreamLoop::Run() {
  while (true) {
    epoll_event events[16];
    int count = epoll_wait(epoll_.get(), events, 16, -1);
    if (count < 0 && errno != EINTR) {
      log::Error("holder streams: epoll_wait failed: ", errno);
      return;
    }
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 != kWakeKey) Read(events[i].data.u64);
    }
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
  }
}

}  // namespace runtime::handler
