// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/call.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::external {
namespace {

using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::StatusIs;

TEST(ReasonTest, IsTheLastErrorInOneLine) {
  EXPECT_EQ(ReasonIn(""), "");
  EXPECT_EQ(ReasonIn(R"({"level":"warning","msg":"odd"})"
                     "\n"
                     R"({"level":"error","msg":"first"})"
                     "\n"
                     R"({"level":"error","msg":"runc failed:\nno root\n"})"
                     "\n"
                     R"({"level":"info","msg":"bye"})"
                     "\n"),
            "runc failed:; no root");
  EXPECT_EQ(ReasonIn("{\"msg\":\"without a level\"}\n"), "without a level");
  EXPECT_EQ(ReasonIn("plain text\n"), "plain text");
  EXPECT_EQ(ReasonIn(std::string(5000, 'x')).size(), 400u);
}

TEST(ReasonTest, TellsThatTheContainerIsUnknown) {
  EXPECT_TRUE(SaysUnknown("runc delete: container does not exist"));
  EXPECT_TRUE(SaysUnknown("crun delete: container `c` does not exist"));
  EXPECT_FALSE(SaysUnknown("runc delete: container c is not stopped"));
  EXPECT_FALSE(SaysUnknown("exec /usr/sbin/runc: No such file or directory"));
}

class RunTest : public ::testing::Test {
 protected:
  // A runtime that is a shell script.
  Call Script(const std::string& script) {
    const std::string path = dir_ / "runtime";
    EXPECT_THAT(WriteFileAtomic(path, "#!/bin/sh\n" + script, 0700), IsOk());
    Call call;
    call.command = {path, "--root", "/r"};
    call.args = {"create", "id"};
    call.log_file = dir_ / "log";
    return call;
  }
  tests::TempDir dir_;
};

TEST_F(RunTest, CallsItWithItsLogAndStreams) {
  Call call = Script("echo \"$@\"; cat; echo err >&2");
  const std::string out = dir_ / "out", in = dir_ / "in";
  EXPECT_THAT(WriteFileAtomic(in, "input\n"), IsOk());
  auto out_fd = OpenFile(out, O_RDWR | O_CREAT, 0600);
  auto in_fd = OpenFile(in, O_RDONLY);
  call.in = in_fd->get();
  call.out = call.err = out_fd->get();
  EXPECT_THAT(external::Run(call), IsOk());
  EXPECT_EQ(ReadFile(out).value_or(""),
            "--root /r --log " + call.log_file +
                " --log-format json create id\ninput\nerr\n");
}

TEST_F(RunTest, AFailureIsWhatTheLogSays) {
  Call call = Script(
      "echo '{\"level\":\"error\",\"msg\":\"no such thing\"}' >$4; exit 1");
  EXPECT_THAT(external::Run(call), StatusIs(absl::StatusCode::kUnknown,
                                            "runtime create: no such thing"));
  EXPECT_FALSE(Exists(call.log_file));
  EXPECT_THAT(external::Run(
                  Script("echo '{\"level\":\"error\",\"msg\":\"runtime create "
                         "failed: x\"}' >$4; exit 1")),
              StatusIs(absl::StatusCode::kUnknown, "runtime create failed: x"));
}

TEST_F(RunTest, AFailureWithoutALogHasItsCode) {
  EXPECT_THAT(external::Run(Script("exit 3")),
              StatusIs(absl::StatusCode::kUnknown,
                       "runtime create: exit code 3 without a reason"));
  EXPECT_THAT(external::Run(Script("kill -9 $$")),
              StatusIs(absl::StatusCode::kUnknown,
                       "runtime create: killed by signal 9"));
}

TEST_F(RunTest, AMissingBinaryIsNamed) {
  Call call = Script("");
  call.command = {"/no/such/runtime"};
  EXPECT_THAT(external::Run(call),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("start /no/such/runtime: No such")));
}

}  // namespace
}  // namespace runtime::external
