// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/log.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::hold {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::tests::StatusIs;

std::string Format(int64_t seconds, long nanoseconds) {
  char text[kTimeBytes];
  FormatTime({seconds, nanoseconds}, text);
  return std::string(text, kTimeBytes);
}

TEST(FormatTimeTest, KnownMoments) {
  EXPECT_EQ(Format(0, 0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(Format(1475798829, 669794202), "2016-10-07T00:07:09.669794202Z");
  EXPECT_EQ(Format(951782399, 1), "2000-02-28T23:59:59.000000001Z");
  EXPECT_EQ(Format(951782400, 0), "2000-02-29T00:00:00.000000000Z");
  EXPECT_EQ(Format(4107542399, 999999999), "2100-02-28T23:59:59.999999999Z");
  EXPECT_EQ(Format(4107542400, 0), "2100-03-01T00:00:00.000000000Z");
}

TEST(FormatTimeTest, AgreesWithTheLibrary) {
  for (int64_t seconds = 0; seconds < 8000000000; seconds += 86400 * 13 + 7) {
    time_t time = seconds;
    tm utc;
    gmtime_r(&time, &utc);
    char expected[64];
    strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000000Z", &utc);
    ASSERT_EQ(Format(seconds, 0), expected);
  }
}

// Feeds chunks of one stream; gives the file's lines without their times.
class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(log_.Open(path_)); }
  std::vector<std::string> Lines() {
    std::string data = ReadFile(path_).value_or("unreadable");
    std::vector<std::string> lines = absl::StrSplit(data, '\n');
    EXPECT_EQ(lines.back(), "");  // nothing half written
    lines.pop_back();
    for (std::string& line : lines) line = line.substr(31);
    return lines;
  }

  tests::TempDir dir_;
  const std::string path_ = dir_ / "a/b/0.log";
  LogFile log_;
  LineAssembler out_{"stdout"}, err_{"stderr"};
};

TEST_F(LogTest, LinesAreTaggedAndKeptApart) {
  out_.Feed("one\n\ntw", &log_);
  err_.Feed("problem\n", &log_);
  out_.Feed("o\n", &log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout F one", "stdout F ",
                                   "stderr F problem", "stdout F two"));
}

TEST_F(LogTest, WhatIsLeftAtTheEndIsPartial) {
  out_.Feed("no newline", &log_);
  EXPECT_THAT(Lines(), ElementsAre());
  out_.Finish(&log_);
  out_.Finish(&log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout P no newline"));
}

TEST_F(LogTest, CarriageReturnBeforeNewlineIsDropped) {
  out_.Feed("a\r\nb\r", &log_);
  out_.Feed("\nc\rd\n", &log_);
  EXPECT_THAT(Lines(),
              ElementsAre("stdout F a", "stdout F b", "stdout F c\rd"));
}

TEST_F(LogTest, LongLinesAreCutWhereverTheChunksEnd) {
  for (size_t length :
       {kMaxLine - 1, kMaxLine, kMaxLine + 1, 2 * kMaxLine, 2 * kMaxLine + 5}) {
    for (size_t chunk :
         {size_t{1000}, size_t{8192}, kMaxLine, kMaxLine + 1, 3 * kMaxLine}) {
      SCOPED_TRACE(absl::StrCat(length, " in chunks of ", chunk));
      ASSERT_EQ(truncate(path_.c_str(), 0), 0);
      std::string text = std::string(length, 'x') + "\nend\n";
      for (size_t at = 0; at < text.size(); at += chunk) {
        out_.Feed(absl::string_view(text).substr(at, chunk), &log_);
      }
      std::vector<std::string> expected;
      size_t left = length;
      for (; left > kMaxLine; left -= kMaxLine) {
        expected.push_back("stdout P " + std::string(kMaxLine, 'x'));
      }
      expected.push_back("stdout F " + std::string(left, 'x'));
      expected.push_back("stdout F end");
      EXPECT_THAT(Lines(), ElementsAreArray(expected));
    }
  }
}

TEST_F(LogTest, ManyLinesInOneChunk) {
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&text, i, "\n");
    expected.push_back(absl::StrCat("stdout F ", i));
  }
  out_.Feed(text, &log_);
  EXPECT_THAT(Lines(), ElementsAreArray(expected));
}

TEST_F(LogTest, AFullDiskLosesWholeLinesOnly) {
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  auto* old_handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = {100, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  out_.Feed("0123456789\n0123456789\n0123456789\n", &log_);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, old_handler);
  out_.Feed("again\n", &log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout F 0123456789", "stdout F again"));
}

TEST_F(LogTest, ReopenGoesOnInANewFile) {
  out_.Feed("old\nhalf", &log_);
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  ASSERT_OK(log_.Open(path_));
  out_.Feed(" line\n", &log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout F half line"));
}

TEST_F(LogTest, AVanishedDirectoryIsSurvivedAndMadeAgain) {
  ASSERT_TRUE(RemoveTree(dir_ / "a").ok());
  out_.Feed("lost\n", &log_);
  ASSERT_OK(log_.Open(path_));
  out_.Feed("kept\n", &log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout F kept"));
}

TEST_F(LogTest, Cve2025_0750_AnythingButARegularFileIsRefused) {
  const std::string link = dir_ / "link", fifo = dir_ / "fifo";
  ASSERT_EQ(symlink((dir_ / "never-made").c_str(), link.c_str()), 0);
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {link, fifo, dir_.path()}) {
    EXPECT_THAT(log_.Open(path), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          path + ": is not a regular file"));
  }
  EXPECT_FALSE(Exists(dir_ / "never-made"));
  out_.Feed("still in the old one\n", &log_);
  EXPECT_THAT(Lines(), ElementsAre("stdout F still in the old one"));
}

TEST_F(LogTest, Cve2025_0750_NoLinkOnTheWayIsFollowed) {
  ASSERT_OK(MakeDirs(dir_ / "elsewhere/deep"));
  ASSERT_EQ(symlink("elsewhere", (dir_ / "link").c_str()), 0);
  for (const char* path : {"link/0.log", "link/deep/0.log", "link/new/0.log"}) {
    EXPECT_THAT(log_.Open(dir_ / path),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path)));
  }
  EXPECT_FALSE(Exists(dir_ / "elsewhere/0.log"));
  EXPECT_FALSE(Exists(dir_ / "elsewhere/deep/0.log"));
  EXPECT_FALSE(Exists(dir_ / "elsewhere/new"));
}

}  // namespace
}  // namespace runtime::hold
