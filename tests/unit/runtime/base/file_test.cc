// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

class FileTest : public ::testing::Test {
 protected:
  tests::TempDir dir_;
};

TEST_F(FileTest, AtomicWriteReplacesAsAWhole) {
  ASSERT_THAT(WriteFileAtomic(dir_ / "f", "one", 0640), IsOk());
  ASSERT_THAT(WriteFileAtomic(dir_ / "f", "two", 0600, Durability::kPowerLoss),
              IsOk());
  EXPECT_THAT(ReadFile(dir_ / "f"), IsOkAndHolds("two"));
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre("f"));
  struct stat st;
  ASSERT_EQ(stat((dir_ / "f").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(FileTest, ExchangedWritesTakeTurnsInTwoFiles) {
  const auto write = [&](const std::string& text) {
    ASSERT_THAT(WriteFileAtomic(dir_ / "f", text, 0600, Durability::kExchange),
                IsOk());
    EXPECT_THAT(ReadFile(dir_ / "f"), IsOkAndHolds(text));
  };
  const auto inode = [&] {
    struct stat st = {};
    EXPECT_EQ(stat((dir_ / "f").c_str(), &st), 0);
    return st.st_ino;
  };
  write("one, which is longer than the others");
  const ino_t first = inode();
  write("two");
  EXPECT_THAT(ReadFile(dir_ / ".f.tmp"),
              IsOkAndHolds("one, which is longer than the others"));
  write("three");
  EXPECT_EQ(inode(), first);
  EXPECT_THAT(RemoveExchanged(dir_ / "f"), IsOk());
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre());
  EXPECT_THAT(RemoveExchanged(dir_ / "f"), IsOk());
}

TEST_F(FileTest, AtomicWriteThatFailsKeepsTheOld) {
  ASSERT_THAT(MakeDirs(dir_ / "d"), IsOk());
  EXPECT_THAT(WriteFileAtomic(dir_ / "d", "x"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("rename")));
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre("d"));
  EXPECT_THAT(WriteFileAtomic(dir_ / "none/f", "x"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FileTest, ReadIsCapped) {
  ASSERT_THAT(WriteFileAtomic(dir_ / "f", std::string(100, 'x')), IsOk());
  EXPECT_THAT(ReadFile(dir_ / "f", 100), IsOk());
  EXPECT_THAT(
      ReadFile(dir_ / "f", 99),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("99 bytes")));
  EXPECT_THAT(ReadFile(dir_ / "none"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(dir_ / "none")));
}

TEST_F(FileTest, OpenedFilesAreClosedOnExec) {
  auto fd = OpenFile(dir_ / "f", O_WRONLY | O_CREAT, 0600);
  ASSERT_THAT(fd, IsOk());
  EXPECT_NE(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileTest, MakeDirsMakesParentsAndAcceptsWhatIsThere) {
  EXPECT_THAT(MakeDirs(dir_ / "a/b/c", 0700), IsOk());
  EXPECT_THAT(MakeDirs(dir_ / "a/b/c", 0700), IsOk());
  struct stat st;
  ASSERT_EQ(stat((dir_ / "a/b/c").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
  ASSERT_THAT(WriteFileAtomic(dir_ / "f", ""), IsOk());
  EXPECT_THAT(MakeDirs(dir_ / "f"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(MakeDirs(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_THAT(MakeDirs(dir_ / "keep"), IsOk());
  ASSERT_THAT(WriteFileAtomic(dir_ / "keep/f", "x"), IsOk());
  ASSERT_THAT(MakeDirs(dir_ / "go/a/b"), IsOk());
  ASSERT_EQ(symlink("../keep", (dir_ / "go/link").c_str()), 0);
  ASSERT_EQ(symlink("../../../keep/f", (dir_ / "go/a/b/link").c_str()), 0);
  EXPECT_THAT(RemoveTree(dir_ / "go"), IsOk());
  EXPECT_THAT(RemoveTree(dir_ / "go"), IsOk());
  EXPECT_FALSE(Exists(dir_ / "go"));
  EXPECT_THAT(ReadFile(dir_ / "keep/f"), IsOkAndHolds("x"));
  ASSERT_EQ(symlink("keep", (dir_ / "alone").c_str()), 0);
  EXPECT_THAT(RemoveTree(dir_ / "alone"), IsOk());
  EXPECT_TRUE(Exists(dir_ / "keep/f"));
}

// As a container can make it in an emptyDir: deeper than any path is long.
TEST_F(FileTest, RemoveTreeOfAnyDepthNeedsFewDescriptors) {
  ASSERT_THAT(MakeDirs(dir_ / "go/beside"), IsOk());
  ASSERT_THAT(MakeDirs(dir_ / "go/.deep-1"), IsOk());
  UniqueFd at(open((dir_ / "go").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int level = 0; level < 5000; ++level) {
    ASSERT_EQ(mkdirat(at.get(), "d", 0700), 0) << level;
    at = UniqueFd(openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at.ok()) << level;
  }
  at = UniqueFd();
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit few = before;
  few.rlim_cur = 128;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_THAT(RemoveTree(dir_ / "go"), IsOk());
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(Exists(dir_ / "go"));
}

TEST_F(FileTest, RemoveTreeStopsAtAMount) {
  ASSERT_THAT(MakeDirs(dir_ / "go/mounted"), IsOk());
  std::string target = dir_ / "go/mounted";
  if (mount("tmpfs", target.c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "needs the right to mount a tmpfs";
  }
  EXPECT_THAT(WriteFileAtomic(target + "/f", "x"), IsOk());
  EXPECT_THAT(RemoveTree(dir_ / "go"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ReadFile(target + "/f"), IsOkAndHolds("x"));
  EXPECT_EQ(umount2(target.c_str(), MNT_DETACH), 0);
}

TEST_F(FileTest, WriteFileNamesValueAndFile) {
  EXPECT_THAT(WriteFile(dir_ / "none", "1"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(dir_ / "none")));
  EXPECT_THAT(WriteFile("/proc/version", "1"), testing::Not(IsOk()));
}

TEST(JoinPathTest, NeverDoublesASlash) {
  struct {
    const char *base, *rest, *expected;
  } const cases[] = {
      {"/a", "b", "/a/b"}, {"/a/", "/b", "/a/b"}, {"/", "b", "/b"},
      {"/", "", "/"},      {"", "b", "/b"},       {"/a", "", "/a"},
      {"a", "b/", "a/b/"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(JoinPath(c.base, c.rest), c.expected) << c.base << " " << c.rest;
  }
}

}  // namespace
}  // namespace runtime
