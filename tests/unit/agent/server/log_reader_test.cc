// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"

namespace agent::server {
namespace {

using tests::IsOk;
using tests::StatusIs;

std::string Line(const std::string& text) {
  return absl::StrCat("2026-01-02T15:04:05.000000001Z stdout F ", text, "\n");
}

class LogReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/coracle-log-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    root_ = base_ + "/pods";
    ASSERT_THAT(runtime::MakeDirs(root_ + "/ns_p_u/c"), IsOk());
    path_ = root_ + "/ns_p_u/c/0.log";
    Append("one");
  }
  void TearDown() override { EXPECT_THAT(runtime::RemoveTree(base_), IsOk()); }
  void Append(const std::string& text) {
    auto fd = runtime::OpenFile(path_, O_WRONLY | O_CREAT | O_APPEND, 0640);
    ASSERT_THAT(fd, IsOk());
    ASSERT_THAT(runtime::WriteAll(fd->get(), Line(text), path_), IsOk());
  }
  void Rotate() {
    ASSERT_EQ(rename(path_.c_str(), (path_ + ".20260102-150405").c_str()), 0);
  }
  static std::string Drain(LogReader& reader) {
    std::string out;
    for (int i = 0; i < 1000; ++i) {
      auto more = reader.Read(&out);
      EXPECT_THAT(more, IsOk());
      if (!more.ok() || !*more) break;
    }
    return out;
  }
  std::string base_, root_, path_;
};

TEST_F(LogReaderTest, GivesWhatIsThere) {
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, {}));
  Append("later");  // not there when it was asked for
  EXPECT_EQ(Drain(*reader), "one\n");
  EXPECT_EQ(Drain(*reader), "");
}

TEST_F(LogReaderTest, FollowsGrowthAndRotation) {
  LogQuery query;
  query.follow = true;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "one\n");
  Append("two");
  EXPECT_EQ(Drain(*reader), "two\n");
  Append("three");
  Rotate();
  EXPECT_EQ(Drain(*reader), "three\n");
  // The writer still holds the old file, then opens a new one.
  std::string path = std::exchange(path_, path_ + ".20260102-150405");
  Append("four");
  path_ = path;
  Append("five");
  EXPECT_EQ(Drain(*reader), "four\nfive\n");
  Rotate();
  Append("six");
  EXPECT_EQ(Drain(*reader), "six\n");
}

// As a writer with a limit of its own does it, several times in between.
TEST_F(LogReaderTest, FollowsThroughAllThatIsStillThere) {
  LogQuery query;
  query.follow = true;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "one\n");
  for (int i = 0; i < 4; ++i) {
    Append(absl::StrCat("file-", i));
    const std::string to = absl::StrCat(path_, ".20260102-150405.00000000", i);
    ASSERT_EQ(rename(path_.c_str(), to.c_str()), 0);
  }
  Append("last");
  EXPECT_EQ(Drain(*reader), "file-0\nfile-1\nfile-2\nfile-3\nlast\n");
  EXPECT_EQ(Drain(*reader), "");
}

TEST_F(LogReaderTest, CveLogSymlink_NoneInTheChainIsShown) {
  LogQuery query;
  query.follow = true;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "one\n");
  Rotate();
  ASSERT_EQ(symlink("/etc/passwd", (path_ + ".20260102-150406").c_str()), 0);
  const std::string secret = base_ + "/shadow";
  ASSERT_THAT(runtime::WriteFileAtomic(secret, Line("root:x")), IsOk());
  ASSERT_EQ(link(secret.c_str(), (path_ + ".20260102-150407").c_str()), 0);
  Append("two");
  std::string out;
  EXPECT_THAT(reader->Read(&out),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(out, "");
}

TEST_F(LogReaderTest, TailAndFollowGoTogether) {
  Append("two");
  LogQuery query;
  query.follow = true;
  query.tail_lines = 0;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "");
  Append("three");
  EXPECT_EQ(Drain(*reader), "three\n");
}

TEST_F(LogReaderTest, StartsOverIfTheFileIsCutShort) {
  LogQuery query;
  query.follow = true;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "one\n");
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(Drain(*reader), "");
  Append("2");
  EXPECT_EQ(Drain(*reader), "2\n");
}

// A pod with a hostPath on /var/log puts something else in its log's place.
TEST_F(LogReaderTest, CveLogSymlink_ShowsNothingButLogs) {
  std::string secret = base_ + "/shadow";
  ASSERT_THAT(runtime::WriteFileAtomic(secret, Line("root:x")), IsOk());
  auto refused = [&](const std::string& path) {
    EXPECT_THAT(LogReader::Open(root_, path, {}),
                StatusIs(absl::StatusCode::kPermissionDenied))
        << path;
  };
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(symlink(secret.c_str(), path_.c_str()), 0);
  refused(path_);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(symlink("../../../shadow", path_.c_str()), 0);
  refused(path_);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(link(secret.c_str(), path_.c_str()), 0);
  refused(path_);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  refused(path_);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  refused(path_);
  refused(secret);
  refused(root_ + "/../shadow");
  refused(root_ + "x/0.log");
  refused("");
  // a directory on the way
  ASSERT_EQ(symlink(base_.c_str(), (root_ + "/link").c_str()), 0);
  refused(root_ + "/link/shadow");
  EXPECT_THAT(LogReader::Open(root_, root_ + "/none", {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LogReaderTest, RefusesASymlinkThatComesWithARotation) {
  LogQuery query;
  query.follow = true;
  ASSERT_OK_AND_ASSIGN(auto reader, LogReader::Open(root_, path_, query));
  EXPECT_EQ(Drain(*reader), "one\n");
  Rotate();
  ASSERT_EQ(symlink("/etc/passwd", path_.c_str()), 0);
  std::string out;
  EXPECT_THAT(reader->Read(&out),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace agent::server
