// SPDX-License-Identifier: Apache-2.0
// Forward is one connection of a port-forward: it connects to localhost inside
// the pod, by IPv4 and else by IPv6, and moves bytes. I/O thread only.
#ifndef CORACLE_CRI_STREAM_FORWARD_H_
#define CORACLE_CRI_STREAM_FORWARD_H_

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "cri/stream/flow.h"
#include "cri/stream/host.h"
#include "cri/stream/link.h"
#include "cri/stream/request.h"

namespace cri::stream {

class Forward : public std::enable_shared_from_this<Forward> {
 public:
  struct Streams {
    StreamId data;
    StreamId error;
  };

  // `on_end` is called once, when both sides have ended or it failed.
  Forward(Host* host, std::shared_ptr<Link> link, std::shared_ptr<Brake> brake,
          std::shared_ptr<const ForwardRequest> request, uint16_t port,
          Streams streams, std::function<void()> on_end);

  void Start() { Open(kFirstFamily); }
  void Write(absl::string_view data);
  void EndInput();
  // Tells the client why it ends, and ends.
  void Fail(const absl::Status& status);
  // The client wants no more of it.
  void Cancel();
  // The link is closed; `on_end` is not called.
  void Close();

  uint16_t port() const { return port_; }
  // Bytes of the client's that wait for the pod.
  size_t waiting() const { return in_ == nullptr ? 0 : in_->waiting(); }
  // The pod took none of them since Mark.
  void Mark() { marked_ = in_ == nullptr ? 0 : in_->taken(); }
  bool IsStuck() const { return waiting() > 0 && in_->taken() == marked_; }

 private:
  static const int kFirstFamily;

  void Open(int family);
  void AwaitConnect(int family);
  void OnConnect(int family, const absl::Status& status);
  void OnConnected();
  void OnOutputEnd();
  void EndIfDone();
  void End();

  Host* const host_;
  std::shared_ptr<Link> link_;
  const std::shared_ptr<const ForwardRequest> request_;
  const uint16_t port_;
  const Streams streams_;
  std::function<void()> on_end_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<Descriptor> socket_;
  absl::Status first_failure_;

  std::shared_ptr<Inflow> in_;
  std::shared_ptr<Outflow> out_;  // once the connection stands
  uint64_t marked_ = 0;           // taken by then
  bool in_ended_ = false, out_ended_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_FORWARD_H_
