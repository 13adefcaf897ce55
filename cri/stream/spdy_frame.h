// SPDX-License-Identifier: Apache-2.0
// What SPDY/3.1 looks like on the wire, as far as Kubernetes' clients use it
// (spdy-protocol-draft3-1, sections 2.2 and 2.6). All numbers are big-endian.
//
//   control  1|version:15  type:16   flags:8  length:24   payload
//   data     0|stream:31             flags:8  length:24   payload
#ifndef CORACLE_CRI_STREAM_SPDY_FRAME_H_
#define CORACLE_CRI_STREAM_SPDY_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace cri::stream {

inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr size_t kMaxFrameBytes = (1 << 24) - 1;
inline constexpr uint32_t kMaxStreamId = 0x7fffffff;
inline constexpr uint16_t kSpdyVersion = 3;
inline constexpr uint8_t kFlagFin = 1;

enum class FrameType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

enum class ResetReason : uint32_t {
  kProtocolError = 1,
  kRefusedStream = 3,
  kCancel = 5,
};

uint32_t ReadBig(absl::string_view bytes, size_t size);
void AppendBig(std::string& out, uint64_t value, size_t size);

// Header of a data frame; `length` bytes follow it. At most kMaxFrameBytes.
std::string DataHeader(uint32_t stream, bool fin, size_t length);
// Whole control frames. `block` is a compressed header block.
std::string SynStreamFrame(uint32_t stream, bool fin, absl::string_view block);
std::string SynReplyFrame(uint32_t stream, absl::string_view block);
std::string RstStreamFrame(uint32_t stream, ResetReason reason);
std::string PingFrame(uint32_t id);
// Without an error.
std::string GoawayFrame(uint32_t last_stream);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SPDY_FRAME_H_
