// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::sandbox {
namespace {

using runtime::Json;
using ::tests::StatusIs;

TEST(RecordFileTest, ReadsWhatWasWritten) {
  tests::TempDir dir;
  ASSERT_OK(WriteRecord(dir / "a.json", Json{{"x", 1}, {"y", "ü\n"}}));
  ASSERT_OK_AND_ASSIGN(Json body, ReadRecord(dir / "a.json"));
  EXPECT_EQ(body, (Json{{"x", 1}, {"y", "ü\n"}}));
}

TEST(RecordFileTest, DamageIsNoticedAtEveryByte) {
  tests::TempDir dir;
  ASSERT_OK(WriteRecord(dir / "a.json", Json{{"x", 1}}));
  ASSERT_OK_AND_ASSIGN(std::string text, runtime::ReadFile(dir / "a.json"));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string bad = text;
    bad[i] ^= 1;
    ASSERT_OK(runtime::WriteFileAtomic(dir / "b.json", bad));
    EXPECT_THAT(ReadRecord(dir / "b.json"),
                StatusIs(absl::StatusCode::kDataLoss))
        << "byte " << i;
    ASSERT_OK(runtime::WriteFileAtomic(dir / "b.json", text.substr(0, i)));
    EXPECT_THAT(ReadRecord(dir / "b.json"),
                StatusIs(absl::StatusCode::kDataLoss))
        << "length " << i;
  }
}

TEST(RecordFileTest, WhatWasSetAsideIsRemovedAfterAWeek) {
  tests::TempDir dir;
  const auto load = [](const std::string&, const Json&) {
    return absl::OkStatus();
  };
  const timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  ASSERT_OK(runtime::WriteFileAtomic(dir / "a.json", "not ours"));
  ASSERT_EQ(utimensat(AT_FDCWD, (dir / "a.json").c_str(), long_ago, 0), 0);
  const std::string aside = dir / "a.json.unreadable";
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK(LoadRecords(dir.path(), load));
    EXPECT_TRUE(runtime::Exists(aside)) << "it is aside only since now";
  }
  ASSERT_EQ(utimensat(AT_FDCWD, aside.c_str(), long_ago, 0), 0);
  ASSERT_OK(LoadRecords(dir.path(), load));
  EXPECT_FALSE(runtime::Exists(aside));
}

TEST(RecordFileTest, TheLastVersionCountsIfTheRecordIsCut) {
  tests::TempDir dir;
  ASSERT_OK(WriteRecord(dir / "a.json", Json{{"x", 1}}));
  ASSERT_OK(WriteRecord(dir / "a.json", Json{{"x", 2}}));
  ASSERT_EQ(truncate((dir / "a.json").c_str(), 0), 0);
  int64_t x = 0;
  ASSERT_OK(LoadRecords(dir.path(), [&](const std::string&, const Json& body) {
    x = runtime::IntAt(body, "x");
    return absl::OkStatus();
  }));
  EXPECT_EQ(x, 1);
  EXPECT_OK(ReadRecord(dir / "a.json"));
}

TEST(RecordFileTest, UnreadableOnesAreSetAside) {
  tests::TempDir dir;
  ASSERT_OK(WriteRecord(dir / "good.json", Json{{"x", 0}}));
  ASSERT_OK(WriteRecord(dir / "good.json", Json{{"x", 1}}));
  ASSERT_OK(WriteRecord(dir / "refused.json", Json{{"x", 2}}));
  ASSERT_OK(runtime::WriteFileAtomic(dir / "empty.json", ""));
  ASSERT_OK(runtime::WriteFileAtomic(dir / "other.txt", "not ours"));
  ASSERT_OK(runtime::WriteFileAtomic(dir / ".half.json.tmp", "cut sh"));
  std::set<std::string> seen;
  ASSERT_OK(
      LoadRecords(dir.path(), [&](const std::string& id, const Json& body) {
        if (runtime::IntAt(body, "x") == 2) {
          return absl::DataLossError("no");
        }
        seen.insert(id);
        return absl::OkStatus();
      }));
  EXPECT_EQ(seen, std::set<std::string>{"good"});
  EXPECT_TRUE(runtime::Exists(dir / "empty.json.unreadable"));
  EXPECT_TRUE(runtime::Exists(dir / "refused.json.unreadable"));
  EXPECT_FALSE(runtime::Exists(dir / "empty.json"));
  EXPECT_TRUE(runtime::Exists(dir / "other.txt"));
  EXPECT_FALSE(runtime::Exists(dir / ".half.json.tmp"));
  EXPECT_TRUE(runtime::Exists(dir / ".good.json.tmp"));
  ASSERT_OK(RemoveRecord(dir / "good.json"));
  EXPECT_FALSE(runtime::Exists(dir / ".good.json.tmp"));
}

}  // namespace
}  // namespace cri::sandbox
