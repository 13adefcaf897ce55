// SPDX-License-Identifier: Apache-2.0
// SpdyLink speaks SPDY/3.1 as a server over a ByteStream. There is no flow
// control in this dialect: the only brake is not to read.
#ifndef CORACLE_CRI_STREAM_SPDY_LINK_H_
#define CORACLE_CRI_STREAM_SPDY_LINK_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cri/stream/byte_stream.h"
#include "cri/stream/link.h"
#include "cri/stream/spdy_reader.h"

namespace cri::stream {

class SpdyLink : public Link,
                 public std::enable_shared_from_this<SpdyLink>,
                 private SpdySink {
 public:
  // More streams than `max_streams` at a time are refused. After Finish the
  // peer has `goodbye` to close its side.
  SpdyLink(std::shared_ptr<ByteStream> bytes, size_t max_streams,
           absl::Duration goodbye);

  // Begins to read.
  void Start(std::shared_ptr<LinkUser> user);

  void Send(StreamId id, absl::string_view data, Done done) override;
  void SendEnd(StreamId id) override;
  void Reset(StreamId id) override;
  void Hold() override { ++holds_; }
  void Release() override;
  bool IsHeld() const override { return holds_ > 0; }
  void Finish() override;
  void Close() override;

 private:
  // Which ways of a stream are still open.
  struct Ways {
    bool in = true;
    bool out = true;
  };
  struct Item {
    std::string head;
    absl::string_view body;
    Done done;
  };

  void OnSynStream(uint32_t stream, bool fin, Headers headers) override;
  void OnData(uint32_t stream, absl::string_view data) override;
  void OnFin(uint32_t stream) override;
  void OnRstStream(uint32_t stream) override;
  void OnPing(uint32_t id) override;
  void OnGoaway() override { Close(); }

  void Read();
  void OnRead(const Error& error, size_t n);
  void Queue(std::string head, absl::string_view body, Done done);
  void Refuse(uint32_t stream, ResetReason reason);
  void Write();
  void OnWritten(const Error& error);
  void SayGoodbye();
  void ForgetIfDone(uint32_t stream);

  const std::shared_ptr<ByteStream> bytes_;
  const size_t max_streams_;
  const absl::Duration goodbye_;
  std::shared_ptr<LinkUser> user_;
  SpdyReader reader_;
  HeaderWriter headers_;
  std::map<uint32_t, Ways> streams_;
  uint32_t last_stream_ = 0;

  std::vector<char> buffer_;
  bool reading_ = false;
  int holds_ = 0;

  std::deque<Item> queue_;
  size_t writing_ = 0;  // items of the queue that are under way
  bool finishing_ = false;
  bool closed_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SPDY_LINK_H_
