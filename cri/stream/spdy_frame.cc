// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/spdy_frame.h"

namespace cri::stream {
namespace {

std::string Control(FrameType type, uint8_t flags, size_t length) {
  std::string out;
  out.reserve(kFrameHeaderBytes + length);
  AppendBig(out, 0x8000 | kSpdyVersion, 2);
  AppendBig(out, static_cast<uint16_t>(type), 2);
  AppendBig(out, flags, 1);
  AppendBig(out, length, 3);
  return out;
}

}  // namespace

uint32_t ReadBig(absl::string_view bytes, size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

void AppendBig(std::string& out, uint64_t value, size_t size) {
  while (size-- > 0) out.push_back(static_cast<char>(value >> (8 * size)));
}

std::string DataHeader(uint32_t stream, bool fin, size_t length) {
  std::string out;
  AppendBig(out, stream, 4);
  AppendBig(out, fin ? kFlagFin : 0, 1);
  AppendBig(out, length, 3);
  return out;
}

std::string SynStreamFrame(uint32_t stream, bool fin, absl::string_view block) {
  std::string out =
      Control(FrameType::kSynStream, fin ? kFlagFin : 0, 10 + block.size());
  AppendBig(out, stream, 4);
  AppendBig(out, 0, 6);  // associated to none, priority and slot 0
  out.append(block.data(), block.size());
  return out;
}

std::string SynReplyFrame(uint32_t stream, absl::string_view block) {
  std::string out = Control(FrameType::kSynReply, 0, 4 + block.size());
  AppendBig(out, stream, 4);
  out.append(block.data(), block.size());
  return out;
}

std::string RstStreamFrame(uint32_t stream, ResetReason reason) {
  std::string out = Control(FrameType::kRstStream, 0, 8);
  AppendBig(out, stream, 4);
  AppendBig(out, static_cast<uint32_t>(reason), 4);
  return out;
}

std::string PingFrame(uint32_t id) {
  std::string out = Control(FrameType::kPing, 0, 4);
  AppendBig(out, id, 4);
  return out;
}

std::string GoawayFrame(uint32_t last_stream) {
  std::string out = Control(FrameType::kGoaway, 0, 8);
  AppendBig(out, last_stream, 4);
  AppendBig(out, 0, 4);
  return out;
}

}  // namespace cri::stream
