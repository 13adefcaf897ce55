// SPDX-License-Identifier: Apache-2.0
// The SPDY/3.1 codec, byte for byte and by what it refuses.
#include <zlib.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_dictionary.h"
#include "cri/stream/spdy_frame.h"
#include "cri/stream/spdy_headers.h"
#include "cri/stream/spdy_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::tests::IsOk;
using ::tests::StatusIs;

// Writes down what it is told.
class Recorder : public SpdySink {
 public:
  void OnSynStream(uint32_t stream, bool fin, Headers headers) override {
    std::string line = absl::StrCat("syn ", stream, fin ? " fin" : "");
    for (const auto& [name, value] : headers) {
      absl::StrAppend(&line, " ", name, "=", value);
    }
    lines.push_back(line);
  }
  void OnData(uint32_t stream, absl::string_view data) override {
    lines.push_back(absl::StrCat("data ", stream, " ", data));
  }
  void OnFin(uint32_t stream) override {
    lines.push_back(absl::StrCat("fin ", stream));
  }
  void OnRstStream(uint32_t stream) override {
    lines.push_back(absl::StrCat("rst ", stream));
  }
  void OnPing(uint32_t id) override {
    lines.push_back(absl::StrCat("ping ", id));
  }
  void OnGoaway() override { lines.push_back("goaway"); }

  std::vector<std::string> lines;
};

TEST(SpdyDictionaryTest, IsTheProtocols) {
  const std::string& text = SpdyDictionary();
  EXPECT_EQ(text.size(), 1423u);
  EXPECT_EQ(adler32(1, reinterpret_cast<const Bytef*>(text.data()),
                    static_cast<uInt>(text.size())),
            0xe3c6a7c2u);
}

TEST(SpdyFrameTest, LooksLikeTheProtocolSays) {
  EXPECT_EQ(absl::BytesToHexString(DataHeader(5, false, 0x010203)),
            "0000000500010203");
  EXPECT_EQ(absl::BytesToHexString(DataHeader(5, true, 0)), "0000000501000000");
  EXPECT_EQ(absl::BytesToHexString(PingFrame(7)), "800300060000000400000007");
  EXPECT_EQ(absl::BytesToHexString(RstStreamFrame(3, ResetReason::kCancel)),
            "80030003000000080000000300000005");
  EXPECT_EQ(absl::BytesToHexString(GoawayFrame(9)),
            "80030007000000080000000900000000");
  EXPECT_EQ(absl::BytesToHexString(SynReplyFrame(1, "ab")),
            "8003000200000006000000016162");
  EXPECT_EQ(absl::BytesToHexString(SynStreamFrame(1, true, "")),
            "800300010100000a00000001000000000000");
}

TEST(SpdyHeadersTest, GoThroughOneStreamOfCompression) {
  HeaderWriter writer;
  HeaderReader reader;
  const Headers headers = {{"streamtype", "stdin"}, {"port", "80"}};
  const std::string first = writer.Write(headers);
  const std::string second = writer.Write(headers);
  // What has been said already costs little.
  EXPECT_LT(second.size(), first.size());
  ASSERT_OK_AND_ASSIGN(const Headers one, reader.Read(first));
  ASSERT_OK_AND_ASSIGN(const Headers two, reader.Read(second));
  EXPECT_EQ(one, headers);
  EXPECT_EQ(two, headers);
  EXPECT_EQ(FindHeader(one, "port"), "80");
  EXPECT_EQ(FindHeader(one, "none"), "");
}

TEST(SpdyHeadersTest, NamesAreLoweredAndTheFirstValueCounts) {
  HeaderWriter writer;
  HeaderReader reader;
  ASSERT_OK_AND_ASSIGN(
      const Headers headers,
      reader.Read(writer.Write({{"StreamType", std::string("a\0b", 3)}})));
  EXPECT_THAT(headers, ElementsAre(Pair("streamtype", std::string("a\0b", 3))));
  EXPECT_EQ(FindHeader(headers, "streamtype"), "a");
}

TEST(SpdyHeadersTest, RefusesWhatIsTooLarge) {
  {
    HeaderWriter writer;
    HeaderReader reader;
    EXPECT_THAT(reader.Read(writer.Write({{"a", std::string(1 << 20, 'x')}})),
                StatusIs(absl::StatusCode::kResourceExhausted));
  }
  HeaderWriter writer;
  HeaderReader reader;
  EXPECT_THAT(
      reader.Read(writer.Write(Headers(HeaderReader::kMaxHeaders + 1))),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("65 headers")));
}

TEST(SpdyHeadersTest, RefusesWhatIsCutOffOrGarbage) {
  EXPECT_THAT(HeaderReader().Read("garbage"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HeaderWriter writer;
  const std::string block = writer.Write({{"name", "value"}});
  EXPECT_THAT(HeaderReader().Read(block.substr(0, block.size() / 2)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(HeaderReader().Read(""),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Everything that a client sends in a session.
std::string Session() {
  HeaderWriter writer;
  std::string bytes =
      SynStreamFrame(1, false, writer.Write({{"streamtype", "error"}}));
  bytes += SynStreamFrame(3, true, writer.Write({{"streamtype", "stdin"}}));
  return absl::StrCat(bytes, DataHeader(1, false, 5), "hello",
                      DataHeader(1, true, 2), "!!", PingFrame(1),
                      RstStreamFrame(3, ResetReason::kCancel), GoawayFrame(0));
}

TEST(SpdyReaderTest, TakesFramesApart) {
  Recorder recorder;
  SpdyReader reader(&recorder);
  EXPECT_THAT(reader.Feed(Session()), IsOk());
  EXPECT_THAT(recorder.lines,
              ElementsAre("syn 1 streamtype=error",
                          "syn 3 fin streamtype=stdin", "data 1 hello",
                          "data 1 !!", "fin 1", "ping 1", "rst 3", "goaway"));
}

TEST(SpdyReaderTest, TakesFramesInPiecesOfOneByte) {
  Recorder recorder;
  SpdyReader reader(&recorder);
  for (const char c : Session()) {
    EXPECT_THAT(reader.Feed(absl::string_view(&c, 1)), IsOk());
  }
  EXPECT_EQ(recorder.lines.size(), 8u + 4 + 1);  // data byte by byte
  EXPECT_EQ(recorder.lines.back(), "goaway");
}

TEST(SpdyReaderTest, SkipsWhatMeansNothingHere) {
  Recorder recorder;
  SpdyReader reader(&recorder);
  std::string settings, window, unknown;
  AppendBig(settings, 0x8003000400000004, 8);
  AppendBig(settings, 0, 4);
  AppendBig(window, 0x8003000900000008, 8);
  AppendBig(window, 0, 8);
  AppendBig(unknown, 0x8003004200000000, 8);
  EXPECT_THAT(reader.Feed(settings + window + unknown + PingFrame(1)), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("ping 1"));
}

TEST(SpdyReaderTest, RefusesWhatIsNotTheProtocol) {
  const struct {
    const char* name;
    std::string bytes;
    absl::StatusCode code;
  } rows[] = {
      {"HTTP/2", "\x80\x02hello!", absl::StatusCode::kInvalidArgument},
      {"short ping", absl::HexStringToBytes("800300060000000100"),
       absl::StatusCode::kInvalidArgument},
      {"short reset", absl::HexStringToBytes("800300030000000400000001"),
       absl::StatusCode::kInvalidArgument},
      {"short syn", absl::HexStringToBytes("800300010000000400000001"),
       absl::StatusCode::kInvalidArgument},
      {"huge control frame", absl::HexStringToBytes("8003000100ffffff"),
       absl::StatusCode::kResourceExhausted},
  };
  for (const auto& row : rows) {
    Recorder recorder;
    SpdyReader reader(&recorder);
    EXPECT_THAT(reader.Feed(row.bytes), StatusIs(row.code)) << row.name;
    EXPECT_THAT(recorder.lines, IsEmpty()) << row.name;
  }
}

}  // namespace
}  // namespace cri::stream
