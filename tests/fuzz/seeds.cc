// SPDX-License-Identifier: Apache-2.0
// Writes inputs for the fuzzers of binary formats to a folder each, as real
// clients send them: fuzz_seeds DIRECTORY. Those of text lie in seeds/.
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cri/stream/channel_codec.h"
#include "cri/stream/spdy_frame.h"
#include "cri/stream/spdy_headers.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

// The first byte of an input: how small the pieces of its rest are.
constexpr absl::string_view kPieces = "\x07";

// An exec as kubectl asks for it: four streams, input, a resize, the end.
std::string SpdyExec() {
  HeaderWriter headers;
  std::string sent(kPieces);
  uint32_t stream = 1;
  for (const char* type : {"error", "stdin", "stdout", "resize"}) {
    absl::StrAppend(
        &sent,
        SynStreamFrame(stream, false, headers.Write({{"streamtype", type}})));
    stream += 2;
  }
  return absl::StrCat(sent, DataHeader(3, false, 5), "input",
                      DataHeader(7, false, 24), R"({"Width":80,"Height":24})",
                      PingFrame(1), DataHeader(3, true, 0),
                      RstStreamFrame(5, ResetReason::kCancel), GoawayFrame(7));
}

std::string SpdyForward() {
  HeaderWriter headers;
  const auto open = [&](uint32_t stream, const char* type) {
    return SynStreamFrame(
        stream, false,
        headers.Write(
            {{"streamtype", type}, {"port", "80"}, {"requestid", "0"}}));
  };
  const std::string both = absl::StrCat(open(1, "error"), open(3, "data"));
  return absl::StrCat(kPieces, both, DataHeader(1, true, 0),
                      DataHeader(3, true, 18), "GET / HTTP/1.1\r\n\r\n");
}

constexpr uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8,
                  kPing = 9;

// A frame of a client: masked, with a mask that changes something.
std::string Frame(uint8_t opcode, absl::string_view payload, bool fin = true) {
  constexpr absl::string_view kMask = "\x01\x02\x03\x04";
  std::string frame;
  AppendBig(frame, (fin ? 0x80 : 0) | opcode, 1);
  if (payload.size() < 126) {
    AppendBig(frame, 0x80 | payload.size(), 1);
  } else {
    AppendBig(frame, 0x80 | 126, 1);
    AppendBig(frame, payload.size(), 2);
  }
  absl::StrAppend(&frame, kMask);
  for (size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(payload[i] ^ kMask[i % kMask.size()]));
  }
  return frame;
}

std::string ChannelFrames(ChannelFormat format) {
  const auto message = [&](uint32_t channel, absl::string_view data) {
    return format.base64
               ? Frame(kText, Base64Message(channel, data))
               : Frame(kBinary,
                       absl::StrCat(
                           std::string(1, ChannelByte(format, channel)), data));
  };
  std::string sent = absl::StrCat(
      kPieces, message(0, "input"), message(4, R"({"Width":80,"Height":24})"),
      Frame(kPing, "alive"), message(0, std::string(300, 'x')));
  if (format.half_close) {
    absl::StrAppend(&sent, Frame(kBinary, absl::string_view("\xff\0", 2)));
  }
  return absl::StrCat(sent, Frame(kBinary, "begun", false),
                      Frame(kContinuation, " and ended"),
                      Frame(kClose, "\x03\xe8"));
}

// SPDY through the tunnel of a port-forward over WebSocket.
std::string TunnelFrames() {
  return absl::StrCat(kPieces, Frame(kBinary, SpdyForward().substr(1)),
                      Frame(kClose, "\x03\xe8"));
}

absl::Status WriteSeeds(const std::string& directory) {
  const std::pair<const char*, std::string> kSeeds[] = {
      {"spdy/exec", SpdyExec()},
      {"spdy/forward", SpdyForward()},
      {"websocket/input",
       absl::StrCat(kPieces, absl::string_view("\0input", 6))},
      {"websocket/resize",
       absl::StrCat(kPieces, "\4", R"({"Width":80,"Height":24})")},
      {"websocket/end", absl::StrCat(kPieces, absl::string_view("\xff\0", 2))},
      {"websocket/base64", absl::StrCat(kPieces, Base64Message(0, "input"))},
      {"websocket_frames/v4", ChannelFrames({})},
      {"websocket_frames/v5", ChannelFrames({.half_close = true})},
      {"websocket_frames/base64", ChannelFrames({.base64 = true})},
      {"websocket_frames/tunnel", TunnelFrames()}};
  for (const char* folder : {"spdy", "websocket", "websocket_frames"}) {
    RETURN_IF_ERROR(
        runtime::MakeDirs(runtime::JoinPath(directory, folder), 0755));
  }
  for (const auto& [name, bytes] : kSeeds) {
    RETURN_IF_ERROR(
        runtime::WriteFileAtomic(runtime::JoinPath(directory, name), bytes));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace cri::stream

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: fuzz_seeds DIRECTORY\n", stderr);
    return 2;
  }
  const absl::Status written = cri::stream::WriteSeeds(argv[1]);
  if (written.ok()) return 0;
  fprintf(stderr, "error: %s\n", std::string(written.message()).c_str());
  return 1;
}
