// SPDX-License-Identifier: Apache-2.0
// Tells when something in a directory changes, by one inotify descriptor for
// all. Belongs to the thread of its I/O context.
#ifndef CORACLE_AGENT_SERVER_LOG_WATCHER_H_
#define CORACLE_AGENT_SERVER_LOG_WATCHER_H_

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace agent::server {

class LogWatcher {
 public:
  explicit LogWatcher(boost::asio::io_context* io);

  // Calls `wake` after a write, a new or a renamed file in `directory`, until
  // Remove. 0 if the kernel gives no watch: then only a timer helps.
  uint64_t Add(const std::string& directory, std::function<void()> wake);
  void Remove(uint64_t id);
  void Close();

 private:
  struct Waiter {
    int watch;
    std::function<void()> wake;
  };
  void Wait();
  void Read();

  boost::asio::posix::stream_descriptor inotify_;
  std::map<uint64_t, Waiter> waiters_;
  uint64_t next_id_ = 1;
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_LOG_WATCHER_H_
