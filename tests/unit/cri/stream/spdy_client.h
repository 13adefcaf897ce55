// SPDX-License-Identifier: Apache-2.0
// A client of the streaming server as plain as possible: a blocking socket, and
// SPDY/3.1 over it. A wait that takes a minute fails the test.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_SPDY_CLIENT_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_SPDY_CLIENT_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "cri/stream/spdy_reader.h"
#include "runtime/base/unique_fd.h"

namespace cri::stream {

class RawClient {
 public:
  explicit RawClient(int port);

  void Write(absl::string_view bytes);
  // Until the end of the head; what is behind it is kept for Read.
  std::string ReadHead();
  // At most 64 KiB; empty at the end.
  std::string Read();
  // All until the server closes.
  std::string ReadToEnd();
  void Close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  runtime::UniqueFd fd_;
  std::string ahead_;
};

class SpdyClient : private SpdySink {
 public:
  // Upgrades; `protocol` is what is offered.
  SpdyClient(int port, const std::string& path, const std::string& protocol);

  const std::string& head() const { return head_; }

  // Opens a stream and waits for its reply.
  uint32_t Open(const Headers& headers, bool fin = false);
  uint32_t Open(const std::string& type) {
    return Open(Headers{{"streamtype", type}});
  }
  void Send(uint32_t stream, absl::string_view data, bool fin = false);
  void Send(const std::string& frame) { raw_.Write(frame); }

  // Reads until this is so.
  void AwaitData(uint32_t stream, size_t size);
  void AwaitFin(uint32_t stream);
  void AwaitReset(uint32_t stream);
  void AwaitPing(uint32_t id);
  // Reads until the server closes.
  void AwaitEnd();

  const std::string& Data(uint32_t stream) { return data_[stream]; }
  bool HasFin(uint32_t stream) { return fins_.count(stream) > 0; }
  bool WasReset(uint32_t stream) { return resets_.count(stream) > 0; }
  bool ended() const { return ended_; }
  void Close() { raw_.Close(); }
  RawClient& raw() { return raw_; }

 private:
  void OnSynStream(uint32_t, bool, Headers) override {}
  void OnData(uint32_t stream, absl::string_view data) override {
    data_[stream].append(data.data(), data.size());
  }
  void OnFin(uint32_t stream) override { fins_.insert(stream); }
  void OnRstStream(uint32_t stream) override { resets_.insert(stream); }
  void OnPing(uint32_t id) override { pings_.insert(id); }
  void OnGoaway() override { goaway_ = true; }

  template <typename Condition>
  void ReadUntil(Condition condition);

  RawClient raw_;
  std::string head_;
  SpdyReader reader_;
  HeaderWriter headers_;
  uint32_t next_ = 1;
  std::map<uint32_t, std::string> data_;
  std::set<uint32_t> fins_, resets_, pings_;
  bool goaway_ = false;
  bool ended_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_SPDY_CLIENT_H_
