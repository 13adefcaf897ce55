// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spawn.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class SpawnTest : public testing::Test {
 protected:
  Program Script(const std::string& body) {
    const std::string path = dir_ / "script";
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    chmod(path.c_str(), 0755);
    Program program;
    program.path = path;
    program.environment = {"PATH=/usr/bin:/bin", "WORD=hello"};
    return program;
  }
  tests::TempDir dir_;
};

TEST_F(SpawnTest, PassesInputAndEnvironmentAndTakesAllOutput) {
  Program program =
      Script("cat; echo \"$WORD\"; echo trouble >&2; ls /proc/self/fd; exit 3");
  program.input = std::string(300 << 10, 'x');
  ASSERT_OK_AND_ASSIGN(const Outcome outcome, RunProgram(program));
  EXPECT_EQ(outcome.exit_code, 3);
  // Standard streams, and the directory that ls reads.
  EXPECT_EQ(outcome.output, program.input + "hello\n0\n1\n2\n3\n");
  EXPECT_EQ(outcome.log, "trouble\n");
}

TEST_F(SpawnTest, DoesNotWaitForWhatThePluginLeavesBehind) {
  ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                       RunProgram(Script("sleep 60 & echo $!")));
  EXPECT_EQ(outcome.exit_code, 0);
  kill(atoi(outcome.output.c_str()), SIGKILL);
}

TEST_F(SpawnTest, KillsTheGroupAtTheDeadline) {
  Program program = Script("echo waiting >&2; sleep 600 & echo $! >&2; wait");
  program.deadline = absl::Now() + absl::Milliseconds(500);
  EXPECT_THAT(RunProgram(program),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("did not end in time and was killed")));
}

TEST_F(SpawnTest, KillsWhatWritesTooMuch) {
  Program program = Script("exec cat /dev/zero");
  EXPECT_THAT(RunProgram(program),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("wrote more than 1048576 bytes")));
}

TEST_F(SpawnTest, NamesAProgramThatCannotStart) {
  Program program;
  program.path = dir_ / "none";
  EXPECT_THAT(RunProgram(program),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(program.path)));
}

}  // namespace
}  // namespace cri::network::cni
