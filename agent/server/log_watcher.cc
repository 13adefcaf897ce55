// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::server {

LogWatcher::LogWatcher(boost::asio::io_context* io) : inotify_(*io) {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  boost::system::error_code error;
  if (fd < 0 || inotify_.assign(fd, error)) {
    runtime::log::Warning(
        "HTTPS server: ", runtime::ErrnoStatus("inotify_init").message(),
        "; followed logs are looked at once a second");
    return;
  }
  Wait();
}

void LogWatcher::Close() {
  boost::system::error_code ignored;  // it goes away with the server
  inotify_.close(ignored);
}

uint64_t LogWatcher::Add(const std::string& directory,
                         std::function<void()> wake) {
  if (!inotify_.is_open()) return 0;
  int watch = inotify_add_watch(
      inotify_.native_handle(), directory.c_str(),
      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW);
  if (watch < 0) return 0;
  waiters_[next_id_] = {watch, std::move(wake)};
  return next_id_++;
}

void LogWatcher::Remove(uint64_t id) {
  auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  int watch = it->second.watch;
  waiters_.erase(it);
  bool used = std::any_of(
      waiters_.begin(), waiters_.end(),
      [&](const auto& entry) { return entry.second.watch == watch; });
  if (!used && inotify_.is_open()) {
    inotify_rm_watch(inotify_.native_handle(), watch);
  }
}

void LogWatcher::Wait() {
  inotify_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                        if (error) return;
                        Read();
                        Wait();
                      });
}

void LogWatcher::Read() {
  alignas(inotify_event) char buffer[16 << 10];
  std::set<int> changed;
  ssize_t n;
  while ((n = read(inotify_.native_handle(), buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < n;) {
      auto* event = reinterpret_cast<inotify_event*>(buffer + at);
      changed.insert(event->wd);
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
  bool lost = changed.count(-1) != 0;  // the queue ran over: anything may be
  std::vector<std::function<void()>> wakes;
  for (const auto& [id, waiter] : waiters_) {
    if (lost || changed.count(waiter.watch) != 0) wakes.push_back(waiter.wake);
  }
  for (const auto& wake : wakes) wake();
}

}  // namespace agent::server
