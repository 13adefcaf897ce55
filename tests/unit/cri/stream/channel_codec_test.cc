// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/channel_codec.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tests::IsOk;
using ::tests::StatusIs;

constexpr ChannelFormat kBinary;
constexpr ChannelFormat kV5{.half_close = true};
constexpr ChannelFormat kBase64{.base64 = true};

class Recorder : public ChannelSink {
 public:
  void OnChannelData(uint8_t channel, absl::string_view data) override {
    lines.push_back(absl::StrCat(static_cast<int>(channel), ":", data));
  }
  void OnChannelEnd(uint8_t channel) override {
    lines.push_back(absl::StrCat("end ", static_cast<int>(channel)));
  }
  std::vector<std::string> lines;
};

TEST(ChannelReaderTest, FirstByteNamesTheChannel) {
  Recorder recorder;
  ChannelReader reader(kBinary, &recorder);
  EXPECT_THAT(reader.Feed(absl::string_view("\0hello", 6), true), IsOk());
  EXPECT_THAT(reader.Feed("\4{}", true), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("0:hello", "4:{}"));
}

TEST(ChannelReaderTest, MessagesComeInPieces) {
  Recorder recorder;
  ChannelReader reader(kBinary, &recorder);
  EXPECT_THAT(reader.Feed("", false), IsOk());
  EXPECT_THAT(reader.Feed("\1", false), IsOk());
  EXPECT_THAT(reader.Feed("a", false), IsOk());
  EXPECT_THAT(reader.Feed("b", true), IsOk());
  EXPECT_THAT(reader.Feed("\2c", true), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("1:a", "1:b", "2:c"));
}

TEST(ChannelReaderTest, EmptyMessagesSayNothing) {
  Recorder recorder;
  ChannelReader reader(kBinary, &recorder);
  EXPECT_THAT(reader.Feed("", true), IsOk());
  EXPECT_THAT(reader.Feed(absl::string_view("\0", 1), true), IsOk());
  EXPECT_THAT(recorder.lines, IsEmpty());
}

TEST(ChannelReaderTest, V5HalfClosesAChannel) {
  Recorder recorder;
  ChannelReader reader(kV5, &recorder);
  EXPECT_THAT(reader.Feed(absl::string_view("\xff\0", 2), true), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("end 0"));
}

TEST(ChannelReaderTest, BeforeV5ThereIsNoHalfClose) {
  Recorder recorder;
  ChannelReader reader(kBinary, &recorder);
  EXPECT_THAT(reader.Feed(absl::string_view("\xff\0", 2), true), IsOk());
  EXPECT_THAT(recorder.lines,
              ElementsAre(absl::StrCat("255:", std::string(1, '\0'))));
}

TEST(ChannelReaderTest, Base64IsDecodedByGroups) {
  Recorder recorder;
  ChannelReader reader(kBase64, &recorder);
  EXPECT_THAT(reader.Feed("0aGVsb", false), IsOk());
  EXPECT_THAT(reader.Feed("G8=", true), IsOk());
  EXPECT_THAT(reader.Feed("0aGk", true), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("0:hel", "0:lo", "0:hi"));
}

TEST(ChannelReaderTest, LineBreaksInBase64CountForNothing) {
  Recorder recorder;
  ChannelReader reader(kBase64, &recorder);
  EXPECT_THAT(reader.Feed("0aG\r\nVs", false), IsOk());
  EXPECT_THAT(reader.Feed("b\nG8=\n", true), IsOk());
  EXPECT_THAT(recorder.lines, ElementsAre("0:hel", "0:lo"));
}

TEST(ChannelReaderTest, RefusesWhatIsNotBase64) {
  Recorder recorder;
  EXPECT_THAT(ChannelReader(kBase64, &recorder).Feed("x", true),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ChannelReader(kBase64, &recorder).Feed("0****", true),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(recorder.lines, IsEmpty());
}

TEST(ChannelMessageTest, IsWrittenAsItIsRead) {
  EXPECT_EQ(ChannelByte(kBinary, 1), '\1');
  EXPECT_EQ(ChannelByte(kBase64, 1), '1');
  EXPECT_EQ(Base64Message(2, "hi"), "2aGk=");
}

}  // namespace
}  // namespace cri::stream
