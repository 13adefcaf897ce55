// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp/filter.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/seccomp/install_child.h"
#include "tests/support/status_matchers.h"

namespace runtime::seccomp {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

spec::Seccomp Profile(const char* default_action,
                      std::vector<spec::SeccompRule> rules) {
  spec::Seccomp profile;
  profile.default_action = default_action;
  profile.rules = std::move(rules);
  return profile;
}

spec::SeccompRule Rule(std::vector<std::string> names, const char* action) {
  spec::SeccompRule rule;
  rule.names = std::move(names);
  rule.action = action;
  return rule;
}

// errno of system call `number` under the filter, in a process of its own.
int ErrorUnder(const Program& program, long number, long argument = 0) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (Install(program.code.data(),
                static_cast<unsigned short>(program.code.size()),
                program.flags) != 0) {
      _exit(255);
    }
    long result = syscall(number, argument, 0, 0, 0);
    // Not _exit: the address sanitizer would make calls that are denied.
    syscall(SYS_exit_group, result < 0 ? errno : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(FilterTest, DeniesByName) {
  spec::SeccompRule rule = Rule({"getppid", "unknown_call"}, "SCMP_ACT_ERRNO");
  rule.errno_ret = EXDEV;
  ASSERT_OK_AND_ASSIGN(Program program,
                       Compile(Profile("SCMP_ACT_ALLOW", {rule})));
  EXPECT_EQ(ErrorUnder(program, SYS_getppid), EXDEV);
  EXPECT_EQ(ErrorUnder(program, SYS_getpid), 0);
}

TEST(FilterTest, DeniesByArgument) {
  spec::SeccompRule rule = Rule({"personality"}, "SCMP_ACT_ERRNO");
  rule.args = {{0, 8, 0, "SCMP_CMP_EQ"}};
  ASSERT_OK_AND_ASSIGN(Program program,
                       Compile(Profile("SCMP_ACT_ALLOW", {rule})));
  EXPECT_EQ(ErrorUnder(program, SYS_personality, 8), EPERM);
  EXPECT_EQ(ErrorUnder(program, SYS_personality, 0), 0);
}

TEST(FilterTest, ConditionsOnOneArgumentAreAlternatives) {
  spec::SeccompRule rule = Rule({"personality"}, "SCMP_ACT_ERRNO");
  rule.args = {{0, 0, 0, "SCMP_CMP_EQ"}, {0, 8, 0, "SCMP_CMP_EQ"}};
  ASSERT_OK_AND_ASSIGN(Program program,
                       Compile(Profile("SCMP_ACT_ALLOW", {rule})));
  EXPECT_EQ(ErrorUnder(program, SYS_personality, 8), EPERM);
  EXPECT_EQ(ErrorUnder(program, SYS_personality, 0), EPERM);
}

TEST(FilterTest, CallsNewerThanTheProfileDoNotExist) {
  ASSERT_OK_AND_ASSIGN(
      Program program,
      Compile(Profile("SCMP_ACT_ERRNO",
                      {Rule({"exit_group", "exit", "clone3", "openat2"},
                            "SCMP_ACT_ALLOW")})));
  EXPECT_EQ(ErrorUnder(program, 460), ENOSYS);
  EXPECT_EQ(ErrorUnder(program, SYS_getppid), EPERM);
}

TEST(FilterTest, BadProfilesAreNamed) {
  spec::SeccompRule bad_op = Rule({"read"}, "SCMP_ACT_ERRNO");
  bad_op.args = {{0, 0, 0, "SCMP_CMP_MAYBE"}};
  EXPECT_THAT(Compile(Profile("SCMP_ACT_ALLOW", {bad_op})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("SCMP_CMP_MAYBE")));
  EXPECT_THAT(
      Compile(Profile("", {})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("defaultAction")));
  EXPECT_THAT(
      Compile(Profile("SCMP_ACT_ALLOW", {Rule({"read"}, "SCMP_ACT_NOTIFY")})),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("SCMP_ACT_NOTIFY")));
  spec::Seccomp arch = Profile("SCMP_ACT_ALLOW", {});
  arch.architectures = {"SCMP_ARCH_PDP11"};
  EXPECT_THAT(Compile(arch),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("PDP11")));
}

}  // namespace
}  // namespace runtime::seccomp
