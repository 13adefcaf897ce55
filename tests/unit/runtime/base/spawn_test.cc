// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/spawn.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

int ExitCodeOf(pid_t pid) {
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Program Shell(const std::string& script) {
  Program program;
  program.path = "/bin/sh";
  program.args = {"sh", "-c", script};
  return program;
}

TEST(SpawnTest, HasItsOwnEnvironmentAndStreams) {
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  UniqueFd here(out[0]), there(out[1]);
  Program program = Shell("echo \"$A\"; cat; ls /proc/self/fd | wc -l");
  program.env = {"A=one", "PATH=/bin:/usr/bin"};
  program.out = there.get();
  ASSERT_OK_AND_ASSIGN(Spawned spawned, Spawn(program));
  EXPECT_OK(AwaitSpawn(spawned, program.path));
  EXPECT_EQ(ExitCodeOf(spawned.pid), 0);
  there.reset();
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFd(here.get(), "pipe"));
  // 0, 1, 2 and the folder itself: nothing of ours, not even the pipe.
  EXPECT_EQ(text, "one\n4\n");
}

TEST(SpawnTest, SignalsAreAsANewProgramExpectsThem) {
  auto old = signal(SIGTERM, SIG_IGN);
  ASSERT_OK_AND_ASSIGN(Spawned spawned, Spawn(Shell("kill -TERM $$; exit 3")));
  EXPECT_EQ(ExitCodeOf(spawned.pid), -SIGTERM);
  signal(SIGTERM, old);
}

TEST(SpawnTest, SaysWhyAProgramDoesNotRun) {
  tests::TempDir dir;
  ASSERT_OK(WriteFileAtomic(dir / "plain", "#!/bin/sh\n"));
  Program program;
  program.path = dir / "plain";
  program.args = {"plain"};
  ASSERT_OK_AND_ASSIGN(Spawned spawned, Spawn(program));
  EXPECT_THAT(AwaitSpawn(spawned, program.path),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("/plain: Permission denied")));
  EXPECT_EQ(ExitCodeOf(spawned.pid), 126);
  program.path = dir / "missing";
  ASSERT_OK_AND_ASSIGN(spawned, Spawn(program));
  EXPECT_THAT(AwaitSpawn(spawned, program.path),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_EQ(ExitCodeOf(spawned.pid), 127);
}

TEST(SpawnTest, DiesWithItsParent) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  UniqueFd here(fds[0]), there(fds[1]);
  pid_t parent = fork();
  if (parent == 0) {
    Program program = Shell("echo up; exec sleep 1000");
    program.out = there.get();
    program.dies_with_parent = true;
    absl::StatusOr<Spawned> spawned = Spawn(program);
    if (!spawned.ok() || !AwaitSpawn(*spawned, "sh").ok()) _exit(1);
    pause();
  }
  there.reset();
  char text[3];
  ASSERT_EQ(read(here.get(), text, sizeof text), 3);
  kill(parent, SIGKILL);
  EXPECT_EQ(ExitCodeOf(parent), -SIGKILL);
  // The program had the other end of the pipe.
  EXPECT_EQ(read(here.get(), text, sizeof text), 0);
}

}  // namespace
}  // namespace runtime
