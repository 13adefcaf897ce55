// SPDX-License-Identifier: Apache-2.0
// SpdyReader cuts what a SPDY/3.1 client sends into frames. Data is handed on
// as it comes, never gathered; of a control frame at most kMaxControl bytes are
// kept. Knows nothing of sockets. Not thread safe.
#ifndef CORACLE_CRI_STREAM_SPDY_READER_H_
#define CORACLE_CRI_STREAM_SPDY_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cri/stream/spdy_frame.h"
#include "cri/stream/spdy_headers.h"

namespace cri::stream {

// Told of frames in their order. Frames that mean nothing here (SETTINGS,
// WINDOW_UPDATE, unknown ones) are not told.
class SpdySink {
 public:
  virtual ~SpdySink() = default;
  // `stream` may be any number; its order and parity are the sink's to check.
  virtual void OnSynStream(uint32_t stream, bool fin, Headers headers) = 0;
  // A piece of a data frame, valid during the call.
  virtual void OnData(uint32_t stream, absl::string_view data) = 0;
  // The peer sends no more on the stream.
  virtual void OnFin(uint32_t stream) = 0;
  virtual void OnRstStream(uint32_t stream) = 0;
  virtual void OnPing(uint32_t id) = 0;
  virtual void OnGoaway() = 0;
};

class SpdyReader {
 public:
  static constexpr size_t kMaxControl = 16 << 10;

  explicit SpdyReader(SpdySink* sink) : sink_(sink) {}

  // Takes all of `bytes`. An error is final: INVALID_ARGUMENT for what is not
  // SPDY/3.1, RESOURCE_EXHAUSTED for what is too large.
  absl::Status Feed(absl::string_view bytes);

 private:
  absl::Status OnFrameHeader();
  absl::Status OnControl(absl::string_view payload);
  absl::Status OnHeaderFrame(absl::string_view payload, size_t skipped);
  void FeedData(absl::string_view& bytes);
  void EndData();

  SpdySink* const sink_;
  HeaderReader headers_;
  std::string gathered_;  // of a frame header or a control frame's payload
  bool in_frame_ = false;
  // Of the frame that is being read.
  bool control_ = false;
  uint16_t type_ = 0;
  uint32_t stream_ = 0;
  uint8_t flags_ = 0;
  size_t left_ = 0;  // of its payload
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SPDY_READER_H_
