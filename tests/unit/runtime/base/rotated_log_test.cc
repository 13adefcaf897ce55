// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/rotated_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

class RotatedLogTest : public ::testing::Test {
 protected:
  // `name` with that time of its last write; an open descriptor of it.
  UniqueFd Make(const std::string& name, int second) {
    UniqueFd fd = OpenFile(dir_ / name, O_RDWR | O_CREAT, 0600).value();
    const timespec times[2] = {{second, 0}, {second, 0}};
    EXPECT_EQ(futimens(fd.get(), times), 0);
    return fd;
  }
  std::string After(const UniqueFd& fd) {
    const absl::StatusOr<LogAfter> after = FindLogAfter(path_, fd.get());
    EXPECT_THAT(after, tests::IsOk());
    return after.ok() ? after->path : "error";
  }

  tests::TempDir dir_;
  const std::string path_ = dir_ / "0.log";
};

TEST_F(RotatedLogTest, OneFileAfterTheOther) {
  const UniqueFd first = Make("0.log.20260102-150405", 10);
  const UniqueFd second = Make("0.log.20260102-150405.000000007", 20);
  const UniqueFd last = Make("0.log", 30);
  Make("1.log.20260102-150405", 15);
  EXPECT_EQ(After(first), dir_ / "0.log.20260102-150405.000000007");
  EXPECT_EQ(After(second), path_);
  EXPECT_EQ(After(last), "");
}

TEST_F(RotatedLogTest, TimesCountBeforeNames) {
  // Of a kubelet in another time zone.
  const UniqueFd first = Make("0.log.20260102-230000", 10);
  const UniqueFd second = Make("0.log.20260102-150405.000000007", 20);
  Make("0.log", 30);
  EXPECT_EQ(After(first), dir_ / "0.log.20260102-150405.000000007");
  EXPECT_EQ(After(second), path_);
}

TEST_F(RotatedLogTest, NamesDecideWhereTimesAreEqual) {
  const UniqueFd first = Make("0.log.20260102-150405.000000001", 10);
  const UniqueFd second = Make("0.log.20260102-150405.000000002", 10);
  Make("0.log", 10);
  EXPECT_EQ(After(first), dir_ / "0.log.20260102-150405.000000002");
  EXPECT_EQ(After(second), path_);
}

TEST_F(RotatedLogTest, WhoseFileIsRemovedGoesOnWithTheOldestAfterIt) {
  const UniqueFd gone = Make("0.log.a", 10);
  ASSERT_OK(RemoveFile(dir_ / "0.log.a"));
  Make("0.log.0", 5);
  Make("0.log.c", 30);
  Make("0.log.b", 20);
  Make("0.log", 40);
  EXPECT_EQ(After(gone), dir_ / "0.log.b");
}

TEST_F(RotatedLogTest, WhatIsNoLogIsPassedOver) {
  const UniqueFd first = Make("0.log.1", 10);
  Make("0.log.2.gz", 20);
  Make("0.log.2.tmp", 20);
  Make(".0.log.3", 20);
  ASSERT_EQ(symlink("/etc/passwd", (dir_ / "0.log.4").c_str()), 0);
  ASSERT_OK(MakeDirs(dir_ / "0.log.5"));
  Make("0.log", 30);
  EXPECT_EQ(After(first), path_);
}

TEST_F(RotatedLogTest, WithoutAFileAtItsPathThereIsNone) {
  const UniqueFd first = Make("0.log.1", 10);
  Make("0.log.2", 20);
  EXPECT_EQ(After(first), "");
}

TEST_F(RotatedLogTest, AnotherFileOfThatNameIsNotIt) {
  const UniqueFd first = Make("0.log.1", 10);
  const UniqueFd last = Make("0.log", 30);
  const LogAfter after = FindLogAfter(path_, first.get()).value();
  EXPECT_TRUE(after.Is(last.get()));
  EXPECT_FALSE(after.Is(first.get()));
}

}  // namespace
}  // namespace runtime
