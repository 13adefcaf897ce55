// SPDX-License-Identifier: Apache-2.0
// What connections and sessions need of their server. Outlives them.
#ifndef CORACLE_CRI_STREAM_HOST_H_
#define CORACLE_CRI_STREAM_HOST_H_

#include <boost/asio/io_context.hpp>
#include <functional>

#include "absl/time/time.h"

namespace cri::stream {

struct Timeouts {
  absl::Duration request = absl::Seconds(30);   // until its head is there
  absl::Duration creation = absl::Seconds(30);  // until all streams are there
  absl::Duration idle = absl::Hours(4);         // without a byte either way
  absl::Duration goodbye = absl::Seconds(10);   // for the peer to close, too
  // How long output that the processes of an exec left open may stay silent
  // once the exec itself has exited.
  absl::Duration leftover = absl::Seconds(1);
  absl::Duration connect = absl::Seconds(30);  // of a port-forward
  // How long a connection of a port-forward may take nothing of what waits for
  // it while others of its session wait behind that.
  absl::Duration stall = absl::Seconds(10);
  // Between signs of life while what a client sends over a WebSocket has to
  // wait. kubectl and crictl give up after a minute without one.
  absl::Duration pong = absl::Seconds(15);
};

class Host {
 public:
  virtual ~Host() = default;
  virtual boost::asio::io_context& io() = 0;
  virtual const Timeouts& timeouts() const = 0;
  // Runs `work`, which may block, on the executor; what it returns, if
  // anything, runs on the I/O thread afterwards. I/O thread only.
  virtual void Block(std::function<std::function<void()>()> work) = 0;
  // Runs `task` on the I/O thread, unless the server stops before. Any thread.
  virtual void Post(std::function<void()> task) = 0;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_HOST_H_
