// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: messages of the WebSocket channel protocols, and the resize
// objects in them. A message means the same in one piece and in small ones.
// Frames below messages: websocket_frames.cc.
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "cri/stream/channel_codec.h"
#include "cri/stream/resize.h"
#include "tests/fuzz/pieces.h"

namespace cri::stream {
namespace {

class Summary : public ChannelSink {
 public:
  void OnChannelData(uint8_t channel, absl::string_view data) override {
    if (data.empty()) __builtin_trap();
    absl::StrAppend(&data_[channel], data);
  }
  void OnChannelEnd(uint8_t channel) override {
    absl::StrAppend(&ends_, static_cast<int>(channel), " ");
  }
  bool operator==(const Summary& other) const {
    return data_ == other.data_ && ends_ == other.ends_;
  }
  const std::string& Data(uint8_t channel) { return data_[channel]; }

 private:
  std::map<uint8_t, std::string> data_;
  std::string ends_;
};

void FuzzMessage(ChannelFormat format, tests::Pieces pieces) {
  Summary whole, pieced;
  ChannelReader reader(format, &whole), slow_reader(format, &pieced);
  const absl::Status at_once = reader.Feed(pieces.whole(), true);
  absl::Status slowly;
  for (absl::string_view piece = pieces.Next(); !piece.empty() && slowly.ok();
       piece = pieces.Next()) {
    slowly = slow_reader.Feed(piece, false);
  }
  if (slowly.ok()) slowly = slow_reader.Feed("", true);
  // Of a message that is refused, what came before its fault has been told.
  if (at_once.ok() && (!slowly.ok() || !(whole == pieced))) __builtin_trap();
}

void FuzzBase64(absl::string_view text) {
  Summary summary;
  ChannelReader reader({.base64 = true}, &summary);
  if (!reader.Feed(Base64Message(1, text), true).ok() ||
      summary.Data(1) != text) {
    __builtin_trap();
  }
}

void FuzzResize(tests::Pieces pieces) {
  ResizeReader reader;
  for (absl::string_view piece = pieces.Next(); !piece.empty();
       piece = pieces.Next()) {
    const auto size = reader.Feed(piece);
    if (size && (size->rows == 0 || size->columns == 0)) __builtin_trap();
  }
}

}  // namespace
}  // namespace cri::stream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tests::Pieces pieces(data, size);
  cri::stream::FuzzMessage({}, pieces);
  cri::stream::FuzzMessage({.half_close = true}, pieces);
  cri::stream::FuzzMessage({.base64 = true}, pieces);
  cri::stream::FuzzBase64(pieces.whole());
  cri::stream::FuzzResize(pieces);
  return 0;
}
