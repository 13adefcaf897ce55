// SPDX-License-Identifier: Apache-2.0
// The two directions between a stream of a link and a descriptor (a pipe, a
// terminal, a socket). Both keep the brakes: what the one side cannot take is
// not read from the other. I/O thread only.
#ifndef CORACLE_CRI_STREAM_FLOW_H_
#define CORACLE_CRI_STREAM_FLOW_H_

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "cri/stream/backlog.h"
#include "cri/stream/link.h"
#include "runtime/base/unique_fd.h"

namespace cri::stream {

using Descriptor = boost::asio::posix::stream_descriptor;

// Takes over a non-blocking descriptor; null if the reactor cannot watch it.
std::shared_ptr<Descriptor> Watch(boost::asio::io_context& io,
                                  runtime::UniqueFd fd);

// From the peer to the descriptor. What the descriptor does not take at once is
// kept; with more than kMaxKept of it the link is held.
class Inflow : public std::enable_shared_from_this<Inflow> {
 public:
  static constexpr size_t kMaxKept = 64 << 10;

  Inflow(std::shared_ptr<Link> link, std::shared_ptr<Descriptor> descriptor);

  void Write(absl::string_view data);
  // Nothing more is written. Calls `on_end` once everything was.
  // Also if the reader is gone and the rest can only be dropped.
  void End(std::function<void()> on_end);
  // Drops what is kept. `on_end` is not called any more.
  void Close();

 private:
  size_t TryWrite(absl::string_view data);
  void Wait();
  void OnWritable();
  void Update();

  std::shared_ptr<Link> link_;
  std::shared_ptr<Descriptor> descriptor_;
  Backlog kept_;
  bool holding_ = false;
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
