// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/base/json.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class CheckpointTest : public ServerTest {
 protected:
  CheckpointTest() : container_(CreateContainer(RunPod())) {
    EXPECT_TRUE(Start(container_).ok());
    EXPECT_OK(runtime::MakeDirs(dir_ / "out"));
  }

  grpc::Status Checkpoint(const std::string& location, int64_t timeout = 0) {
    v1::CheckpointContainerRequest request;
    request.set_container_id(container_);
    request.set_location(location);
    request.set_timeout(timeout);
    v1::CheckpointContainerResponse response;
    return Call(*runtime_, &Runtime::CheckpointContainer, request, &response);
  }
  std::string Upper() {
    return absl::StrCat(dir_ / "root/containers/", container_, "/upper");
  }
  void ExpectRefusal(const std::string& location, StatusCode code,
                     const std::string& text) {
    const grpc::Status status = Checkpoint(location);
    EXPECT_EQ(status.error_code(), code) << location;
    EXPECT_THAT(status.error_message(), HasSubstr(text)) << location;
    ExpectNothingLeft();
  }
  // But for what is in the directory by intent.
  void ExpectNothingLeft(size_t files = 0) {
    EXPECT_TRUE(runtime::ListDir(dir_ / "root/checkpoints")->empty());
    EXPECT_EQ(runtime::ListDir(dir_ / "out")->size(), files);
  }
  void SetGate(bool open) {
    absl::MutexLock lock(&world_.mutex);
    world_.checkpoint_gate_open = open;
  }

  const std::string container_;
};

TEST_F(CheckpointTest, WritesAnArchiveForItsOwnerAlone) {
  ASSERT_OK(runtime::WriteFileAtomic(Upper() + "/new", "content"));
  const grpc::Status status = Checkpoint(dir_ / "out/c.tar");
  ASSERT_TRUE(status.ok()) << status.error_message();
  struct stat info {};
  ASSERT_EQ(stat((dir_ / "out/c.tar").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ExpectNothingLeft(1);
  ASSERT_EQ(std::system(absl::StrCat("cd ", dir_ / "out",
                                     " && tar -xf c.tar && mkdir diff && "
                                     "tar -xf rootfs-diff.tar -C diff")
                            .c_str()),
            0);
  EXPECT_THAT(*runtime::ListDir(dir_ / "out"),
              IsSupersetOf({"config.dump", "spec.dump", "status.dump", "status",
                            "dump.log", "rootfs-diff.tar"}));
  EXPECT_EQ(*runtime::ReadFile(dir_ / "out/checkpoint/core-1.img"), "core");
  EXPECT_EQ(*runtime::ReadFile(dir_ / "out/diff/new"), "content");
  ASSERT_OK_AND_ASSIGN(
      const runtime::Json config,
      runtime::ParseJson(*runtime::ReadFile(dir_ / "out/config.dump"), ""));
  EXPECT_EQ(runtime::StringAt(config, "id"), container_);
  EXPECT_EQ(runtime::StringAt(config, "name"), "c");
  EXPECT_EQ(runtime::StringAt(config, "rootfsImage"), "busybox:1");
}

TEST_F(CheckpointTest, ReplacesALinkAndDoesNotFollowIt) {
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "elsewhere", "untouched"));
  ASSERT_EQ(symlink((dir_ / "elsewhere").c_str(), (dir_ / "out/c.tar").c_str()),
            0);
  ASSERT_TRUE(Checkpoint(dir_ / "out/c.tar").ok());
  EXPECT_EQ(*runtime::ReadFile(dir_ / "elsewhere"), "untouched");
  struct stat info {};
  ASSERT_EQ(lstat((dir_ / "out/c.tar").c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

// CVE-2026-53489 and its relatives: what the container controls is not
// followed.
TEST_F(CheckpointTest, Cve2026_53489_LinksOfTheContainerAreNotFollowed) {
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "secret", "secret"));
  ASSERT_EQ(symlink((dir_ / "secret").c_str(), (Upper() + "/link").c_str()), 0);
  ASSERT_TRUE(Checkpoint(dir_ / "out/c.tar").ok());
  ASSERT_EQ(std::system(absl::StrCat("cd ", dir_ / "out",
                                     " && tar -xf c.tar && mkdir diff && "
                                     "tar -xf rootfs-diff.tar -C diff")
                            .c_str()),
            0);
  struct stat info {};
  ASSERT_EQ(lstat((dir_ / "out/diff/link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  EXPECT_NE(*runtime::ReadFile(dir_ / "out/rootfs-diff.tar"), "");
  EXPECT_THAT(*runtime::ReadFile(dir_ / "out/c.tar"),
              ::testing::Not(HasSubstr("\nsecret")));
}

TEST_F(CheckpointTest, RefusesLocationsThatAreNone) {
  ExpectRefusal("", StatusCode::INVALID_ARGUMENT, "location");
  ExpectRefusal("relative.tar", StatusCode::INVALID_ARGUMENT, "location");
  ExpectRefusal(dir_ / "out/", StatusCode::INVALID_ARGUMENT, "location");
  ExpectRefusal(dir_ / "out/../c.tar", StatusCode::INVALID_ARGUMENT,
                "location");
  ExpectRefusal(std::string("/x\0y", 4), StatusCode::INVALID_ARGUMENT,
                "location");
  ExpectRefusal("/" + std::string(10 << 20, 'x'), StatusCode::INVALID_ARGUMENT,
                "location");
  ExpectRefusal(dir_ / "nowhere/c.tar", StatusCode::FAILED_PRECONDITION,
                "nowhere");
  EXPECT_EQ(Checkpoint(dir_ / "out/c.tar", -1).error_code(),
            StatusCode::INVALID_ARGUMENT);
  ASSERT_OK(runtime::MakeDirs(dir_ / "out/directory"));
  EXPECT_FALSE(Checkpoint(dir_ / "out/directory").ok());
  ExpectNothingLeft(1);
}

TEST_F(CheckpointTest, AContainerThatEndedIsRefused) {
  handler_->Exit(container_, 0);
  ExpectRefusal(dir_ / "out/c.tar", StatusCode::FAILED_PRECONDITION,
                "does not run");
}

TEST_F(CheckpointTest, WhyTheHostCannotReachesTheClient) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.checkpoint_error = absl::UnimplementedError("install criu");
  }
  ExpectRefusal(dir_ / "out/c.tar", StatusCode::UNIMPLEMENTED, "install criu");
}

TEST_F(CheckpointTest, WhatTakesTooLongIsRemovedInTheEnd) {
  SetGate(false);
  const grpc::Status status = Checkpoint(dir_ / "out/c.tar", 1);
  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr(container_.substr(0, 12)),
                                            HasSubstr("too long")));
  // Another one has to wait for what is under way.
  EXPECT_EQ(Checkpoint(dir_ / "out/d.tar").error_code(), StatusCode::ABORTED);
  SetGate(true);
  Restart();  // waits for it
  ExpectNothingLeft();
}

TEST_F(CheckpointTest, TheNextStartRemovesWhatAKilledOneLeft) {
  const std::string work = dir_ / "root/checkpoints/gone";
  ASSERT_OK(runtime::MakeDirs(work));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "out/.c.tar.gone.partial", "half"));
  ASSERT_OK(runtime::WriteFileAtomic(work + "/partial",
                                     dir_ / "out/.c.tar.gone.partial"));
  // One that names a file which is no half archive.
  ASSERT_OK(runtime::MakeDirs(dir_ / "root/checkpoints/odd"));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "other", "keep"));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "root/checkpoints/odd/partial",
                                     dir_ / "other"));
  Restart();
  ExpectNothingLeft();
  EXPECT_TRUE(runtime::Exists(dir_ / "other"));
}

}  // namespace
}  // namespace cri::server
