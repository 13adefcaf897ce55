// SPDX-License-Identifier: Apache-2.0
#include "cri/server/task.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace cri::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A child that opens a FIFO which nobody writes to: it stays in openat.
class StuckTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string fifo = dir_ / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    child_ = fork();
    if (child_ == 0) {
      open(fifo.c_str(), O_RDONLY);
      _exit(0);
    }
    ASSERT_GT(child_, 0);
  }
  ~StuckTest() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  // As soon as it is in the call.
  Task Read() {
    while (true) {
      Task task = ReadTask(child_, child_);
      if (task.system_call == "openat" && !task.waits_in.empty()) return task;
      usleep(1000);
    }
  }

  tests::TempDir dir_;
  pid_t child_ = 0;
};

TEST_F(StuckTest, TellsSystemCallAndKernelFunction) {
  if (geteuid() != 0) GTEST_SKIP() << "Only root may look into the kernel.";
  const Task task = Read();
  EXPECT_EQ(task.process, child_);
  EXPECT_THAT(task.command, HasSubstr("cri_server"));
  EXPECT_THAT(Describe(task), HasSubstr(") is in openat, "));
}

TEST_F(StuckTest, HelpersRunTheSameProgram) {
  EXPECT_THAT(HelpersOf(getpid()), ElementsAre(child_));
  EXPECT_THAT(HelpersOf(child_), IsEmpty());
}

TEST(TaskTest, AProcessThatIsGoneHasNoName) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  const Task task = ReadTask(child, child);
  EXPECT_EQ(task.command, "");
  EXPECT_EQ(task.system_call, "");
}

}  // namespace
}  // namespace cri::server
