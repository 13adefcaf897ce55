// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: what a SPDY/3.1 client sends. The same bytes mean the same
// in one piece and in small ones, and headers stay within their bounds. Chance
// finds no zlib stream, so the input also goes through the header writer.
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_reader.h"
#include "tests/fuzz/pieces.h"

namespace cri::stream {
namespace {

// What came, with the data of each stream joined.
class Summary : public SpdySink {
 public:
  void OnSynStream(uint32_t stream, bool fin, Headers headers) override {
    if (headers.size() > HeaderReader::kMaxHeaders) __builtin_trap();
    size_t bytes = 0;
    for (const auto& [name, value] : headers) {
      bytes += name.size() + value.size();
    }
    if (bytes > HeaderReader::kMaxBytes) __builtin_trap();
    absl::StrAppend(&frames_, "syn", stream, fin ? "f" : "", headers.size());
  }
  void OnData(uint32_t stream, absl::string_view bytes) override {
    if (bytes.empty() || stream > kMaxStreamId) __builtin_trap();
    absl::StrAppend(&data_[stream], bytes);
  }
  void OnFin(uint32_t stream) override {
    absl::StrAppend(&frames_, "fin", stream);
  }
  void OnRstStream(uint32_t stream) override {
    absl::StrAppend(&frames_, "rst", stream);
  }
  void OnPing(uint32_t id) override { absl::StrAppend(&frames_, "ping", id); }
  void OnGoaway() override { absl::StrAppend(&frames_, "goaway"); }

  bool operator==(const Summary& other) const {
    return frames_ == other.frames_ && data_ == other.data_;
  }

 private:
  std::string frames_;
  std::map<uint32_t, std::string> data_;
};

void FuzzFrames(tests::Pieces pieces) {
  Summary whole, pieced;
  SpdyReader reader(&whole);
  const absl::Status at_once = reader.Feed(pieces.whole());
  SpdyReader slow_reader(&pieced);
  absl::Status slowly;
  for (absl::string_view piece = pieces.Next(); !piece.empty() && slowly.ok();
       piece = pieces.Next()) {
    slowly = slow_reader.Feed(piece);
  }
  if (at_once.code() != slowly.code() || !(whole == pieced)) __builtin_trap();
}

void FuzzHeaders(absl::string_view text) {
  HeaderWriter writer;
  HeaderReader reader;
  for (int i = 0; i < 3; ++i) {
    const Headers headers = {{"streamtype", std::string(text)}, {"port", "80"}};
    const auto read = reader.Read(writer.Write(headers));
    if (!read.ok()) {
      // Only for its size.
      if (text.size() < HeaderReader::kMaxBytes - 64) __builtin_trap();
      return;
    }
    if (*read != headers) __builtin_trap();
  }
}

// A block that begins as one should and goes on as it likes.
void FuzzBlock(absl::string_view text) {
  HeaderReader reader;
  reader.Read(absl::StrCat("\x78\xbb\xe3\xc6\xa7\xc2", text))
      .status()
      .IgnoreError();
}

}  // namespace
}  // namespace cri::stream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tests::Pieces pieces(data, size);
  cri::stream::FuzzFrames(pieces);
  cri::stream::FuzzHeaders(pieces.whole());
  cri::stream::FuzzBlock(pieces.whole());
  return 0;
}
