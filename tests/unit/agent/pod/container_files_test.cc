// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/container_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "agent/pod/labels.h"
#include "agent/pod/termination_message.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;

class ContainerFilesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(runtime::MakeDirs(memory_), IsOk()); }
  absl::StatusOr<std::string> WriteHosts(const std::string& content) {
    return WriteHostsFile(dir_.path(), memory_, content);
  }
  static struct stat Stat(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info;
  }

  tests::TempDir dir_;
  const std::string memory_ = dir_ / "containers";
};

TEST_F(ContainerFilesTest, HostsAreFoundWhereTheKubeletHasThem) {
  ASSERT_OK_AND_ASSIGN(const std::string path, WriteHosts("127.0.0.1\tme\n"));
  EXPECT_EQ(path, dir_ / "etc-hosts");
  EXPECT_THAT(runtime::ReadFile(path), IsOkAndHolds("127.0.0.1\tme\n"));
  EXPECT_EQ(Stat(path).st_mode & 07777, 0644u);
}

TEST_F(ContainerFilesTest, HostsKeepTheirFileForContainersThatHaveIt) {
  ASSERT_OK_AND_ASSIGN(const std::string path, WriteHosts("a longer text\n"));
  const ino_t file = Stat(path).st_ino;
  ASSERT_THAT(WriteHosts("short\n"), IsOk());
  EXPECT_EQ(Stat(path).st_ino, file);
  EXPECT_THAT(runtime::ReadFile(path), IsOkAndHolds("short\n"));
}

TEST_F(ContainerFilesTest, HostsThatAnotherAgentLeftOnDiskAreReplaced) {
  const std::string path = dir_ / "etc-hosts";
  ASSERT_THAT(runtime::WriteFileAtomic(path, "old\n"), IsOk());
  ASSERT_THAT(WriteHosts("new\n"), IsOk());
  EXPECT_THAT(runtime::ReadFile(path), IsOkAndHolds("new\n"));
  struct stat info {};
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}

TEST_F(ContainerFilesTest, EachAttemptHasItsOwnWordsForAnyUser) {
  ASSERT_OK_AND_ASSIGN(std::string one, MakeTerminationLog(memory_, "c"));
  ASSERT_OK_AND_ASSIGN(std::string two, MakeTerminationLog(memory_, "c"));
  EXPECT_NE(one, two);
  EXPECT_EQ(Stat(one).st_mode & 07777, 0666u);
  EXPECT_EQ(Stat(two).st_size, 0);
}

TEST_F(ContainerFilesTest, Cve2020_8557_WordsOfWhatHasEndedAreCut) {
  ASSERT_OK_AND_ASSIGN(const std::string old, MakeTerminationLog(memory_, "c"));
  ASSERT_OK_AND_ASSIGN(const std::string now, MakeTerminationLog(memory_, "c"));
  ASSERT_OK_AND_ASSIGN(const std::string other,
                       MakeTerminationLog(memory_, "init"));
  ASSERT_THAT(WriteHosts(std::string(10000, '#')), IsOk());
  for (const std::string& path : {old, now, other}) {
    ASSERT_THAT(runtime::WriteFileAtomic(path, std::string(1 << 20, 'x')),
                IsOk());
  }
  // The runtime may have another path to the same file.
  CutEndedWords(memory_, {WordsOf("/elsewhere" + now)});
  EXPECT_EQ(Stat(now).st_size, 1 << 20);
  EXPECT_EQ(Stat(other).st_size, static_cast<off_t>(kMaxTerminationMessage));
  EXPECT_EQ(Stat(memory_ + "/.etc-hosts").st_size, 10000);
  EXPECT_EQ(Stat(old).st_size, static_cast<off_t>(kMaxTerminationMessage));
  ::runtime::v1::ContainerStatus status;
  (*status.mutable_annotations())[kTerminationPath] = "/dev/termination-log";
  auto* mount = status.add_mounts();
  mount->set_container_path("/dev/termination-log");
  mount->set_host_path(old);
  EXPECT_EQ(ReadTerminationMessage(status),
            std::string(kMaxTerminationMessage, 'x'));
}

}  // namespace
}  // namespace agent::pod
