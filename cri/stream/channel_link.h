// SPDX-License-Identifier: Apache-2.0
// ChannelLink is a WebSocket whose messages name channels, as a Link: the
// channels' numbers are the streams, and all of them are there from the start.
#ifndef CORACLE_CRI_STREAM_CHANNEL_LINK_H_
#define CORACLE_CRI_STREAM_CHANNEL_LINK_H_

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cri/stream/channel_codec.h"
#include "cri/stream/link.h"
#include "cri/stream/websocket.h"

namespace cri::stream {

class ChannelLink : public Link,
                    public std::enable_shared_from_this<ChannelLink>,
                    private ChannelSink {
 public:
  // While it is held there is a pong every `pong`: the client's pings lie
  // behind the data that has to wait, and are not seen. A little is read then,
  // too, 16 MiB at most: clients give up a write that takes a minute.
  ChannelLink(std::shared_ptr<WebSocket> socket, ChannelFormat format,
              absl::Duration pong);

  // Begins to read.
  void Start(std::shared_ptr<LinkUser> user);

  void Send(StreamId id, absl::string_view data, Done done) override;
  void SendEnd(StreamId) override {}  // no protocol version can say it
  void Reset(StreamId) override {}
  void Hold() override;
  void Release() override;
  bool IsHeld() const override { return holds_ > 0; }
  void Finish() override;
  void Close() override;

 private:
  struct Item {
    std::string head;  // the channel, or the whole message
    absl::string_view body;
    Done done;
  };

  void OnChannelData(uint8_t channel, absl::string_view data) override;
  void OnChannelEnd(uint8_t channel) override;

  void SignOfLifeLater();
  void Read();
  void OnRead(const Error& error, size_t n);
  void Write();
  void OnWritten(const Error& error);
  void SayGoodbye();

  const std::shared_ptr<WebSocket> socket_;
  const ChannelFormat format_;
  std::shared_ptr<LinkUser> user_;
  ChannelReader reader_;

  std::vector<char> buffer_;
  bool reading_ = false;
  int holds_ = 0;
  size_t sip_ = 0;    // to be read although it is held
  size_t ahead_ = 0;  // was read although it is held
  const absl::Duration pong_;
  boost::asio::steady_timer pong_timer_;
  bool pong_due_ = false;  // the timer runs, or the pong is on its way

  std::deque<Item> queue_;
  bool writing_ = false;
  bool finishing_ = false;
  bool closed_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_CHANNEL_LINK_H_
