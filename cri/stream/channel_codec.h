// SPDX-License-Identifier: Apache-2.0
// The messages of Kubernetes' WebSocket protocols: the first byte of each names
// a channel, the rest is data of it. In the base64 protocols that is a digit
// and base64, in text messages. In v5 channel 255 half-closes another.
#ifndef CORACLE_CRI_STREAM_CHANNEL_CODEC_H_
#define CORACLE_CRI_STREAM_CHANNEL_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::stream {

struct ChannelFormat {
  bool base64 = false;
  bool half_close = false;  // v5
};

class ChannelSink {
 public:
  virtual ~ChannelSink() = default;
  // `data` is valid during the call.
  virtual void OnChannelData(uint8_t channel, absl::string_view data) = 0;
  virtual void OnChannelEnd(uint8_t channel) = 0;
};

// Takes messages apart as they come, in pieces of any size. Keeps no more than
// a few bytes. Not thread safe.
class ChannelReader {
 public:
  ChannelReader(ChannelFormat format, ChannelSink* sink)
      : format_(format), sink_(sink) {}

  // A piece of a message, the last one if `end`. INVALID_ARGUMENT, which is
  // final, if it is not of this protocol.
  absl::Status Feed(absl::string_view piece, bool end);

 private:
  absl::Status OnPayload(absl::string_view piece, bool end);
  absl::Status OnBase64(absl::string_view piece, bool end);

  const ChannelFormat format_;
  ChannelSink* const sink_;
  std::optional<uint8_t> channel_;  // of the message that is being read
  std::string quad_;                // base64 characters of a group begun
};

// How many channels a message can name.
size_t MaxChannels(ChannelFormat format);
// The first byte of a message, and for base64 its whole text.
char ChannelByte(ChannelFormat format, uint32_t channel);
std::string Base64Message(uint32_t channel, absl::string_view data);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_CHANNEL_CODEC_H_
