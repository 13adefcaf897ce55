// SPDX-License-Identifier: Apache-2.0
// A log that is moved aside by its writer.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/hold/log.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace {
std::atomic<int64_t> g_frozen_wall{0};     // seconds; 0: it goes
std::atomic<int64_t> g_monotonic_more{0};  // seconds
}  // namespace

// In the place of the C library's.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME && g_frozen_wall != 0) *time = {g_frozen_wall, 0};
  if (clock == CLOCK_MONOTONIC) time->tv_sec += g_monotonic_more;
  return static_cast<int>(result);
}

namespace runtime::hold {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

// Of a line of ten bytes in the file.
constexpr uint64_t kBytes = kTimeBytes + 10 + 10 + 1;

class LogCapTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(log_.Open(path_)); }
  void TearDown() override { g_frozen_wall = g_monotonic_more = 0; }

  // "line-00007"
  static std::string Line(int number) {
    const std::string digits = absl::StrCat(number);
    return absl::StrCat("line-", std::string(5 - digits.size(), '0'), digits);
  }
  void Write(int from, int to) {
    for (int i = from; i < to; ++i) out_.Feed(Line(i) + "\n", &log_);
  }
  // Names in the log's directory but its own, sorted.
  std::vector<std::string> Aside() {
    std::vector<std::string> names = ListDir(dir_ / "a").value();
    std::sort(names.begin(), names.end());
    names.erase(std::remove(names.begin(), names.end(), "0.log"), names.end());
    return names;
  }
  // The lines of a file without their times.
  std::vector<std::string> Lines(const std::string& name = "0.log") {
    const std::string data = ReadFile(dir_ / ("a/" + name)).value_or("none\n");
    std::vector<std::string> lines = absl::StrSplit(data, '\n');
    EXPECT_EQ(lines.back(), "") << name;  // nothing half written
    lines.pop_back();
    for (std::string& line : lines) line = line.substr(31);
    return lines;
  }
  uint64_t Size(const std::string& name = "0.log") {
    struct stat st;
    return stat((dir_ / ("a/" + name)).c_str(), &st) == 0
               ? static_cast<uint64_t>(st.st_size)
               : 0;
  }
  // As a kubelet does it.
  void Rename(const std::string& to) {
    ASSERT_EQ(rename(path_.c_str(), (dir_ / ("a/" + to)).c_str()), 0);
  }

  tests::TempDir dir_;
  const std::string path_ = dir_ / "a/0.log";
  LogFile log_;
  LineAssembler out_{"stdout"};
};

TEST_F(LogCapTest, WithoutOneTheFileGrows) {
  Write(0, 1000);
  EXPECT_EQ(Size(), 1000 * kBytes);
  EXPECT_THAT(Aside(), IsEmpty());
}

TEST_F(LogCapTest, TheLastByteThatFitsIsWritten) {
  log_.SetCap(10 * kBytes);
  Write(0, 10);
  EXPECT_EQ(Size(), 10 * kBytes);
  EXPECT_THAT(Aside(), IsEmpty());
  Write(10, 11);
  ASSERT_THAT(Aside(),
              ElementsAre(MatchesRegex("0.log.[0-9]{8}-[0-9]{6}.[0-9]{9}")));
  EXPECT_EQ(Size(Aside()[0]), 10 * kBytes);
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00010"));
}

TEST_F(LogCapTest, OneByteLessIsALineLess) {
  log_.SetCap(10 * kBytes - 1);
  Write(0, 10);
  ASSERT_THAT(Aside(), SizeIs(1));
  EXPECT_EQ(Size(Aside()[0]), 9 * kBytes);
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00009"));
}

TEST_F(LogCapTest, WhatIsThereBeforeCounts) {
  Write(0, 7);
  LogFile again;
  again.SetCap(10 * kBytes);
  ASSERT_OK(again.Open(path_));
  log_ = std::move(again);
  Write(7, 11);
  ASSERT_THAT(Aside(), SizeIs(1));
  EXPECT_THAT(Lines(Aside()[0]), SizeIs(10));
}

TEST_F(LogCapTest, TheTotalIsBoundedAndTheLastLinesStay) {
  log_.SetCap(100 * kBytes + 3);
  std::string text;
  for (int i = 0; i < 9950; ++i) absl::StrAppend(&text, Line(i), "\n");
  out_.Feed(text, &log_);
  const std::vector<std::string> aside = Aside();
  ASSERT_THAT(aside, SizeIs(kMovedAside));
  std::vector<std::string> lines;
  for (const std::string& name : {aside[0], aside[1], std::string("0.log")}) {
    EXPECT_LE(Size(name), 100 * kBytes);
    for (const std::string& line : Lines(name)) lines.push_back(line);
  }
  ASSERT_THAT(lines, SizeIs(250));
  for (int i = 0; i < 250; ++i) {
    ASSERT_EQ(lines[static_cast<size_t>(i)], "stdout F " + Line(9700 + i));
  }
}

TEST_F(LogCapTest, PartsOfALineKeepTheirOrder) {
  log_.SetCap(2 * kMaxLine);
  std::string text;
  for (int i = 0; text.size() < 2 * kMaxLine + 5; ++i) text += Line(i);
  out_.Feed(text + "\nnext\n", &log_);
  const std::vector<std::string> aside = Aside();
  ASSERT_THAT(aside, SizeIs(1));
  EXPECT_THAT(Lines(aside[0]),
              ElementsAre("stdout P " + text.substr(0, kMaxLine)));
  EXPECT_THAT(
      Lines(),
      ElementsAre("stdout P " + text.substr(kMaxLine, kMaxLine),
                  "stdout F " + text.substr(2 * kMaxLine), "stdout F next"));
}

TEST_F(LogCapTest, ALineAboveItHasAFileOfItsOwn) {
  log_.SetCap(100);
  Write(0, 1);
  out_.Feed(std::string(500, 'x') + "\n", &log_);
  Write(1, 2);
  ASSERT_THAT(Aside(), SizeIs(2));
  EXPECT_THAT(Lines(Aside()[1]),
              ElementsAre("stdout F " + std::string(500, 'x')));
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00001"));
}

// A kubelet may move the log in the same second, without looking what is there.
TEST_F(LogCapTest, NamesOfOneMomentDiffer) {
  g_frozen_wall = 1767366245;
  log_.SetCap(2 * kBytes);
  Write(0, 3);
  Rename("0.log.20260102-150405");
  ASSERT_OK(log_.Open(path_));
  Write(3, 6);
  EXPECT_THAT(Aside(), ElementsAre("0.log.20260102-150405",
                                   "0.log.20260102-150405.000000001",
                                   "0.log.20260102-150405.000000002"));
  EXPECT_THAT(Lines("0.log.20260102-150405"),
              ElementsAre("stdout F line-00002"));
  // Somebody has the next one.
  const std::string taken = dir_ / "a/0.log.20260102-150405.000000003";
  ASSERT_OK(WriteFileAtomic(taken, "theirs\n"));
  Write(6, 8);
  EXPECT_EQ(ReadFile(taken).value_or(""), "theirs\n");
  EXPECT_THAT(Lines("0.log.20260102-150405.000000004"),
              ElementsAre("stdout F line-00005", "stdout F line-00006"));
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00007"));
  EXPECT_FALSE(Exists(dir_ / "a/0.log.20260102-150405.000000001"));
}

TEST_F(LogCapTest, NamesGoUpWhenTheClockGoesBack) {
  g_frozen_wall = 1767366245;
  log_.SetCap(kBytes);
  Write(0, 2);
  g_frozen_wall = 1767000000;
  Write(2, 3);
  EXPECT_THAT(Aside(), ElementsAre("0.log.20260102-150405.000000001",
                                   "0.log.20260102-150405.000000002"));
  EXPECT_THAT(Lines(Aside()[1]), ElementsAre("stdout F line-00001"));
}

TEST_F(LogCapTest, WhatAKubeletCompressedIsItsOwn) {
  log_.SetCap(2 * kBytes);
  Write(0, 3);
  const std::string first = Aside()[0];
  ASSERT_EQ(rename((dir_ / ("a/" + first)).c_str(),
                   (dir_ / ("a/" + first + ".gz")).c_str()),
            0);
  testing::internal::CaptureStderr();
  Write(3, 13);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(Aside(), AllOf(SizeIs(3), testing::Contains(first + ".gz")));
}

// It has renamed the log and will say so in a moment.
TEST_F(LogCapTest, AMoveByAKubeletIsEnough) {
  log_.SetCap(3 * kBytes);
  Write(0, 2);
  Rename("0.log.20260102-150405");
  Write(2, 4);
  EXPECT_THAT(Lines("0.log.20260102-150405"), SizeIs(3));
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00003"));
  ASSERT_OK(log_.Open(path_));
  Write(4, 6);
  EXPECT_THAT(Aside(), ElementsAre("0.log.20260102-150405"));
  EXPECT_THAT(Lines(), SizeIs(3));
}

TEST_F(LogCapTest, ARemovedLogIsMadeAgain) {
  log_.SetCap(3 * kBytes);
  Write(0, 3);
  ASSERT_OK(RemoveTree(dir_ / "a"));
  Write(3, 4);
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00003"));
}

TEST_F(LogCapTest, WhatSomebodyCutShortHasRoomAgain) {
  log_.SetCap(3 * kBytes);
  Write(0, 6);
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  Write(6, 9);
  EXPECT_THAT(Aside(), SizeIs(1));
  EXPECT_EQ(Size(), 3 * kBytes);
  EXPECT_THAT(Lines(), SizeIs(3));
}

TEST_F(LogCapTest, Cve2025_0750_ALinkInItsPlaceIsNotFollowed) {
  log_.SetCap(2 * kBytes);
  Write(0, 2);
  Rename("elsewhere");
  ASSERT_EQ(symlink((dir_ / "never-made").c_str(), path_.c_str()), 0);
  testing::internal::CaptureStderr();
  Write(2, 5);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr(path_ + ": is not a regular file"));
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1);
  EXPECT_FALSE(Exists(dir_ / "never-made"));
  EXPECT_THAT(Lines("elsewhere"), SizeIs(5));
  ASSERT_EQ(unlink(path_.c_str()), 0);
  g_monotonic_more = 2;
  Write(5, 6);
  EXPECT_THAT(Lines(), ElementsAre("stdout F line-00005"));
}

TEST_F(LogCapTest, AFullDiskLetsTheOldFileGrowAndIsToldOnce) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting a tmpfs needs root";
  const std::string disk = dir_ / "disk";
  ASSERT_OK(MakeDirs(disk));
  // Itself, one directory and one file.
  ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", 0, "nr_inodes=3"), 0);
  const std::string path = disk + "/a/0.log";
  ASSERT_OK(log_.Open(path));
  log_.SetCap(3 * kBytes);
  testing::internal::CaptureStderr();
  Write(0, 50);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, MatchesRegex(absl::StrCat(
                        "holder: log ", path,
                        ": move it aside: create .0.log.[0-9.-]*: No space "
                        "left on device; it grows past its limit of 153 "
                        "bytes\n")));
  EXPECT_THAT(ListDir(disk + "/a").value(), ElementsAre("0.log"));
  EXPECT_EQ(ReadFile(path).value_or("").size(), 50 * kBytes);
  EXPECT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "nr_inodes=9"),
            0);
  g_monotonic_more = 2;
  Write(50, 51);
  EXPECT_THAT(ListDir(disk + "/a").value(), SizeIs(2));
  EXPECT_EQ(ReadFile(path).value_or("").size(), kBytes);
  log_ = LogFile();
  EXPECT_EQ(umount2(disk.c_str(), MNT_DETACH), 0);
}

// Renames at any moment, and what a kubelet asks for after it.
TEST_F(LogCapTest, RacesWithAKubeletNeitherTearNorDouble) {
  log_.SetCap(20 * kBytes);
  std::atomic<bool> done{false};
  std::atomic<int> renamed{0};
  std::thread kubelet([&] {
    for (int i = 0; !done; ++i) {
      const std::string to = absl::StrCat(path_, ".k", i);
      if (rename(path_.c_str(), to.c_str()) == 0) ++renamed;
      usleep(200);
    }
  });
  constexpr int kLines = 50000;
  for (int i = 0; i < kLines; ++i) {
    Write(i, i + 1);
    if (i % 37 != 0) continue;
    ASSERT_OK(log_.Open(path_));
  }
  done = true;
  kubelet.join();
  std::vector<int> seen(kLines, 0);
  std::vector<std::string> names = Aside();
  if (Exists(path_)) names.push_back("0.log");
  int theirs = 0;
  for (const std::string& name : names) {
    theirs += absl::StrContains(name, ".k") ? 1 : 0;
    EXPECT_LE(Size(name), 20 * kBytes) << name;
    EXPECT_FALSE(absl::StartsWith(name, ".")) << name;
    for (const std::string& line : Lines(name)) {
      int number = -1;
      ASSERT_TRUE(absl::SimpleAtoi(line.substr(14), &number)) << line;
      EXPECT_EQ(++seen[static_cast<size_t>(number)], 1) << line;
    }
  }
  EXPECT_EQ(theirs, renamed);  // none was overwritten
  EXPECT_LE(names.size(), static_cast<size_t>(theirs) + kMovedAside + 1);
  EXPECT_EQ(seen[kLines - 1], 1);
}

}  // namespace
}  // namespace runtime::hold
