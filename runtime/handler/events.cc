// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/events.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/handler/client.h"
#include "runtime/hold/socket.h"

namespace runtime::handler {
namespace {

constexpr uint64_t kWakeKey = 0;

}  // namespace

EventLoop::EventLoop(std::function<void(const std::string&)> on_lost)
    : on_lost_(std::move(on_lost)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeKey;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "holder-events");
    Run();
  });
}

EventLoop::~EventLoop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

void EventLoop::Wake() {
  uint64_t one = 1;
  // Fails only when the counter is full: then it is awake anyway.
  if (write(wake_.get(), &one, sizeof one) < 0) return;
}

void EventLoop::SetListener(StateListener listener) {
  absl::MutexLock lock(&mutex_);
  listener_ = std::move(listener);
  Wake();
}

absl::Status EventLoop::Watch(const std::string& sandbox_id, UniqueFd fd) {
  absl::MutexLock lock(&mutex_);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = next_key_++;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    return ErrnoStatus(absl::StrCat("watch the holder of ", sandbox_id));
  }
  watched_[event.data.u64] = {sandbox_id, std::move(fd)};
  return absl::OkStatus();
}

bool EventLoop::IsWatched(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, watched] : watched_) {
    if (watched.sandbox_id == sandbox_id) return true;
  }
  return false;
}

void EventLoop::Forget(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  for (auto it = watched_.begin(); it != watched_.end();) {
    it = it->second.sandbox_id == sandbox_id ? watched_.erase(it) : ++it;
  }
  for (auto it = told_.begin(); it != told_.end();) {
    it = it->first.first == sandbox_id ? told_.erase(it) : ++it;
  }
}

void EventLoop::ForgetContainer(const std::string& sandbox_id,
                                const std::string& id) {
  absl::MutexLock lock(&mutex_);
  told_.erase({sandbox_id, id});
}

void EventLoop::Tell(const ContainerState& state) {
  absl::MutexLock lock(&mutex_);
  Queue(state);
  Wake();
}

void EventLoop::Queue(const ContainerState& state) {
  if (!state.id.empty()) {
    ContainerPhase& last = told_[{state.sandbox_id, state.id}];
    if (state.phase <= last) return;  // starts as kCreated: that is not told
    last = state.phase;
  }
  queue_.push_back(state);
}

void EventLoop::Deliver() {
  while (true) {
    StateListener listener;
    ContainerState state;
    {
      absl::MutexLock lock(&mutex_);
      if (queue_.empty() || listener_ == nullptr || stopping_) return;
      listener = listener_;
      state = std::move(queue_.front());
      queue_.pop_front();
    }
    listener(state);
  }
}

void EventLoop::Read(uint64_t key) {
  std::string lost;
  {
    absl::MutexLock lock(&mutex_);
    auto it = watched_.find(key);
    if (it == watched_.end()) return;
    hold::Received received;
    int error = hold::ReceiveMessage(it->second.fd.get(), &received);
    hold::Reply reply;
    if (error == EINTR || error == EAGAIN) return;
    if (error == 0 && hold::Decode(received.data, &reply)) {
      if (reply.type == hold::ReplyType::kState) {
        Queue(ToContainerState(it->second.sandbox_id, reply.state));
      }
      return;
    }
    lost = it->second.sandbox_id;
    watched_.erase(it);
  }
  on_lost_(lost);
}

void EventLoop::Run() {
  while (true) {
    epoll_event events[16];
    int count = epoll_wait(epoll_.get(), events, 16, -1);
    if (count < 0 && errno != EINTR) {
      log::Error("holder events: epoll_wait failed: ", errno);
      return;
    }
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 != kWakeKey) {
        Read(events[i].data.u64);
        continue;
      }
      uint64_t value;
      if (read(wake_.get(), &value, sizeof value) < 0) continue;
    }
    Deliver();
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
  }
}

}  // namespace runtime::handler
