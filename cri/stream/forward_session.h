// SPDX-License-Identifier: Apache-2.0
// ForwardSession carries connections to ports of a pod over one link: for each
// a data stream and an error stream that says why it could not be made. One
// connection's end is not the session's. I/O thread only.
#ifndef CORACLE_CRI_STREAM_FORWARD_SESSION_H_
#define CORACLE_CRI_STREAM_FORWARD_SESSION_H_

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cri/stream/brake.h"
#include "cri/stream/host.h"
#include "cri/stream/link.h"
#include "cri/stream/request.h"

namespace cri::stream {

class Forward;

class ForwardSession : public LinkUser,
                       public std::enable_shared_from_this<ForwardSession> {
 public:
  // Two streams each.
  static constexpr size_t kMaxConnections = 1024;

  ForwardSession(Host* host, std::shared_ptr<Link> link,
                 ForwardRequest request);
  ~ForwardSession() override;

  // The streams are there already: the channels of the old WebSocket protocol,
  // 2i for the data and 2i+1 for the errors of port i. The session ends with
  // its last connection.
  void UseChannels();

  bool OnStream(StreamId id, const Headers& headers) override;
  void OnData(StreamId id, absl::string_view data) override;
  void OnEnd(StreamId id) override;
  void OnReset(StreamId id) override;
  void OnStopping(const absl::Status& why) override;
  void OnClosed() override;

 private:
  friend class Forward;
  // A connection of which one stream is still to come.
  struct Half {
    StreamId id = 0;
    bool is_data = false;
    uint16_t port = 0;
    absl::Time until;
    bool ended = false;  // the client's side of it
    std::string early;   // data before the partner came
  };

  void Open(uint16_t port, StreamId data, StreamId error);
  void Forget(StreamId data);
  void DropStale();
  void WatchIfHeld();
  void OnWatched();
  void Cut(Forward& forward);
  Half* FindHalf(StreamId id);

  Host* const host_;
  std::shared_ptr<Link> link_;          // null once closed
  const std::shared_ptr<Brake> brake_;  // of all connections
  boost::asio::steady_timer timer_;
  bool watching_ = false;  // the timer runs
  const std::shared_ptr<const ForwardRequest> request_;
  bool ends_with_last_ = false;
  std::map<std::string, Half> halves_;                     // by request id
  std::map<StreamId, std::shared_ptr<Forward>> forwards_;  // by data stream
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_FORWARD_SESSION_H_
