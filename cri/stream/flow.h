// SPDX-License-Identifier: Apache-2.0
// The two directions between a stream of a link and a descriptor (a pipe, a
// terminal, a socket). Both keep the brakes: what the one side cannot take is
// not read from the other. I/O thread only.
#ifndef CORACLE_CRI_STREAM_FLOW_H_
#define CORACLE_CRI_STREAM_FLOW_H_

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "cri/stream/backlog.h"
#include "cri/stream/brake.h"
#include "cri/stream/link.h"
#include "runtime/base/unique_fd.h"

namespace cri::stream {

using Descriptor = boost::asio::posix::stream_descriptor;

// Takes over a non-blocking descriptor; null if the reactor cannot watch it.
std::shared_ptr<Descriptor> Watch(boost::asio::io_context& io,
                                  runtime::UniqueFd fd);

// From the peer to the descriptor. What the descriptor does not take at once,
// and all that comes before there is one, waits here and counts for the brake.
class Inflow : public std::enable_shared_from_this<Inflow> {
 public:
  explicit Inflow(std::shared_ptr<Brake> brake) : brake_(std::move(brake)) {}

  void Start(std::shared_ptr<Descriptor> descriptor);
  void Write(absl::string_view data);
  // Nothing more is written. Calls `on_end` once everything was.
  // Also if the reader is gone and the rest can only be dropped.
  void End(std::function<void()> on_end);
  // Drops what is kept. `on_end` is not called any more.
  void Close();

  size_t waiting() const { return kept_.size(); }
  // Bytes that the descriptor took.
  uint64_t taken() const { return taken_; }

 private:
  size_t TryWrite(absl::string_view data);
  void Wait();
  void OnWritable();
  void Update();

  std::shared_ptr<Brake> brake_;
  std::shared_ptr<Descriptor> descriptor_;
  Backlog kept_;
  size_t counted_ = 0;  // of what is kept, by the brake
  uint64_t taken_ = 0;
  bool waiting_ = false;
  bool broken_ = false;  // nobody reads
  bool ended_ = false;   // the peer sends no more
  bool closed_ = false;
  std::function<void()> on_end_;
};

// From the descriptor to the peer, one piece at a time.
class Outflow : public std::enable_shared_from_this<Outflow> {
 public:
  // `on_end` is called when the descriptor has no more, or Cut was called.
  Outflow(std::shared_ptr<Link> link, StreamId id,
          std::shared_ptr<Descriptor> descriptor, std::function<void()> on_end);

  void Start() { Read(); }
  // True while there is nothing to read and nothing under way.
  bool IsSilent() const { return waiting_; }
  // Ends it as if the descriptor had ended.
  void Cut();
  // `on_end` is not called any more.
  void Close();

 private:
  void Read();
  void Wait();
  void End();

  std::shared_ptr<Link> link_;
  const StreamId id_;
  std::shared_ptr<Descriptor> descriptor_;
  std::function<void()> on_end_;
  std::vector<char> buffer_;
  bool waiting_ = false;
  bool closed_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_FLOW_H_
