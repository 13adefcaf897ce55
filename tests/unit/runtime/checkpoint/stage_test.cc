// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint/stage.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::checkpoint {
namespace {

class StageTest : public ::testing::Test {
 protected:
  // Calls the script as criu does.
  pid_t Start(const Stage& stage, const std::string& action) {
    const std::string script = stage.Script();
    const std::string variable = "CRTOOLS_SCRIPT_ACTION=" + action;
    char* argv[] = {const_cast<char*>(script.c_str()), nullptr};
    std::string path = "PATH=/usr/bin:/bin";
    char* environment[] = {const_cast<char*>(variable.c_str()), path.data(),
                           nullptr};
    pid_t pid = 0;
    EXPECT_EQ(
        posix_spawn(&pid, script.c_str(), nullptr, nullptr, argv, environment),
        0);
    return pid;
  }
  static int End(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static bool Stopped(const Stage& stage, int milliseconds) {
    pollfd polled = {stage.fd(), POLLIN, 0};
    return poll(&polled, 1, milliseconds) == 1;
  }

  tests::TempDir dir_;
};

constexpr int kLong = 20000;

TEST_F(StageTest, OtherStagesPassUntouched) {
  ASSERT_OK_AND_ASSIGN(const Stage stage, Stage::Open(dir_.path()));
  EXPECT_EQ(End(Start(stage, "pre-dump")), 0);
  EXPECT_EQ(End(Start(stage, "network-lock")), 0);
  EXPECT_FALSE(Stopped(stage, 0));
}

TEST_F(StageTest, WaitsUntilWhatIsNeededIsTaken) {
  ASSERT_OK_AND_ASSIGN(Stage stage, Stage::Open(dir_.path()));
  const pid_t script = Start(stage, "post-dump");
  ASSERT_TRUE(Stopped(stage, kLong));
  int status = 0;
  EXPECT_EQ(waitpid(script, &status, WNOHANG), 0);
  EXPECT_OK(stage.Succeed());
  EXPECT_EQ(End(script), 0);
}

TEST_F(StageTest, FailsIfItCouldNotBeTaken) {
  ASSERT_OK_AND_ASSIGN(Stage stage, Stage::Open(dir_.path()));
  const pid_t script = Start(stage, "post-dump");
  ASSERT_TRUE(Stopped(stage, kLong));
  stage.Release();
  EXPECT_NE(End(script), 0);
}

TEST_F(StageTest, FailsWhenTheDaemonIsGone) {
  absl::StatusOr<Stage> opened = Stage::Open(dir_.path());
  ASSERT_OK(opened);
  std::optional<Stage> stage(*std::move(opened));
  const pid_t waits = Start(*stage, "post-dump");
  ASSERT_TRUE(Stopped(*stage, kLong));
  stage.reset();
  EXPECT_NE(End(waits), 0);
}

TEST_F(StageTest, NobodyIsThereFromTheStart) {
  std::optional<Stage> stage;
  {
    absl::StatusOr<Stage> opened = Stage::Open(dir_.path());
    ASSERT_OK(opened);
    stage.emplace(*std::move(opened));
  }
  stage->Release();
  EXPECT_NE(End(Start(*stage, "post-dump")), 0);
}

TEST_F(StageTest, ADirectoryIsUsedOnce) {
  ASSERT_OK(Stage::Open(dir_.path()));
  EXPECT_FALSE(Stage::Open(dir_.path()).ok());
}

}  // namespace
}  // namespace runtime::checkpoint
