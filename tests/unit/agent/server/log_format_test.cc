// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_format.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"

namespace agent::server {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;

constexpr char kLog[] =
    "2026-01-02T15:04:05.000000001Z stdout F one\n"
    "2026-01-02T15:04:06.000000001Z stderr P tw\n"
    "2026-01-02T15:04:07.000000001Z stderr F o\n"
    "2026-01-02T15:04:08.000000001Z stdout F \n"
    "2026-01-02T15:04:09.000000001+00:00 stdout F  three  \n";

std::string Format(const LogQuery& query, absl::string_view log, size_t piece) {
  LogFormatter formatter(query);
  std::string out;
  for (size_t at = 0; at < log.size(); at += piece) {
    formatter.Feed(log.substr(at, piece), &out);
  }
  return out;
}

TEST(LogFormatTest, JoinsPartsWhereverTheBytesAreCut) {
  for (size_t piece = 1; piece < sizeof kLog; ++piece) {
    EXPECT_EQ(Format({}, kLog, piece), "one\ntwo\n\n three  \n") << piece;
  }
}

TEST(LogFormatTest, ShowsTimesOncePerLine) {
  LogQuery query;
  query.timestamps = true;
  EXPECT_EQ(Format(query, kLog, 1000),
            "2026-01-02T15:04:05.000000001Z one\n"
            "2026-01-02T15:04:06.000000001Z two\n"
            "2026-01-02T15:04:08.000000001Z \n"
            "2026-01-02T15:04:09.000000001+00:00  three  \n");
}

TEST(LogFormatTest, SelectsByTimeStreamAndBytes) {
  LogQuery query;
  query.since = absl::FromUnixSeconds(1767366247);  // 15:04:07
  EXPECT_EQ(Format(query, kLog, 7), "o\n\n three  \n");
  query = {};
  query.stream = "stderr";
  EXPECT_EQ(Format(query, kLog, 7), "two\n");
  query = {};
  query.limit_bytes = 6;
  EXPECT_EQ(Format(query, kLog, 7), "one\ntw");
  LogFormatter formatter(query);
  std::string out;
  formatter.Feed(kLog, &out);
  EXPECT_TRUE(formatter.full());
}

TEST(LogFormatTest, LeavesOutWhatIsNoLine) {
  const std::string line = "2026-01-02T15:04:05.000000001Z stdout F ok\n";
  for (const std::string& garbage :
       {std::string("\n"), std::string("garbage\n"),
        std::string("2026 stdout F x\n"),
        std::string("2026-01-02T15:04:05Z stdlog F x\n"),
        std::string(1 << 20, 'x') + "\n", std::string("a b c d e\n"),
        std::string("\0\xff\n", 3), std::string("   \n"),
        std::string(300, ' ') + "\n"}) {
    EXPECT_EQ(Format({}, garbage + line + garbage + line, 4096), "ok\nok\n");
  }
}

TEST(LogFormatTest, PassesLongLinesThroughWithoutKeepingThem) {
  std::string text(3 << 20, 'y');
  std::string log = "2026-01-02T15:04:05.000000001Z stdout F " + text + "\n";
  EXPECT_EQ(Format({}, log, 1000), text + "\n");
}

class TailTest : public ::testing::Test {
 protected:
  std::string Tail(const std::string& log, int64_t lines) {
    runtime::UniqueFd fd(memfd_create("log", MFD_CLOEXEC));
    EXPECT_THAT(runtime::WriteAll(fd.get(), log, "log"), IsOk());
    auto offset = TailOffset(fd.get(), static_cast<int64_t>(log.size()), lines);
    EXPECT_THAT(offset, IsOk());
    if (!offset.ok()) return "";
    return Format({}, log.substr(static_cast<size_t>(*offset)), 4096);
  }
};

TEST_F(TailTest, CountsWholeLines) {
  EXPECT_EQ(Tail(kLog, 0), "");
  EXPECT_EQ(Tail(kLog, 1), " three  \n");
  EXPECT_EQ(Tail(kLog, 2), "\n three  \n");
  EXPECT_EQ(Tail(kLog, 3), "two\n\n three  \n");
  EXPECT_EQ(Tail(kLog, 4), "one\ntwo\n\n three  \n");
  EXPECT_EQ(Tail(kLog, 1000), "one\ntwo\n\n three  \n");
  EXPECT_EQ(Tail("", 5), "");
  EXPECT_EQ(Tail("garbage", 5), "");
  EXPECT_EQ(Tail("\n\n", 1), "");
}

TEST_F(TailTest, CountsAnUnfinishedLineAtTheEnd) {
  std::string log = std::string(kLog) +
                    "2026-01-02T15:04:10.000000001Z stdout P fo\n"
                    "2026-01-02T15:04:10.000000001Z stdout P ur";
  EXPECT_EQ(Tail(log, 1), "four");
  EXPECT_EQ(Tail(log, 2), " three  \nfour");
}

TEST_F(TailTest, FindsTheStartAcrossBlocks) {
  for (size_t width : {10u, 100u, 1000u, 16384u, 65536u, 200000u}) {
    std::string log, expected;
    int count = static_cast<int>(400000 / width) + 3;
    for (int i = 0; i < count; ++i) {
      std::string text = absl::StrCat(i, std::string(width, 'x'));
      absl::StrAppend(&log, "2026-01-02T15:04:05.000000001Z stdout F ", text,
                      "\n");
      if (i >= count - 2) absl::StrAppend(&expected, text, "\n");
    }
    EXPECT_EQ(Tail(log, 2), expected) << width;
    EXPECT_EQ(Tail(log, count), Format({}, log, 65536)) << width;
    EXPECT_EQ(Tail(log, count - 1).substr(0, 1), "1") << width;
  }
}

}  // namespace
}  // namespace agent::server
