// SPDX-License-Identifier: Apache-2.0
// The device program of cgroup v2, run by the kernel: any v2 hierarchy will do,
// also that of a hybrid host.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/limits.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::cgroup {
namespace {

class DeviceProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Layout> layout = Detect();
    if (geteuid() != 0 || !layout.ok() || layout->Unified() == nullptr) {
      GTEST_SKIP() << "needs root and a cgroup v2 hierarchy";
    }
    directory_ = absl::StrCat(layout->Unified()->mount_point,
                              "/coracle-test-devices-", getpid());
    ASSERT_EQ(mkdir(directory_.c_str(), 0755), 0);
  }
  void TearDown() override {
    if (directory_.empty()) return;
    EXPECT_EQ(rmdir(directory_.c_str()), 0);
  }

  // errno of opening a node of the device in the cgroup, 0 if it opened; -1 if
  // the node cannot even be made.
  int Open(char type, unsigned major, unsigned minor, int flags) {
    std::string node = dir_ / absl::StrCat("node", made_++);
    UniqueFd cgroup(open(directory_.c_str(), O_PATH | O_CLOEXEC));
    clone_args args = {};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<uint64_t>(cgroup.get());
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) {
      mode_t mode = (type == 'b' ? S_IFBLK : S_IFCHR) | 0666;
      if (mknod(node.c_str(), mode, makedev(major, minor)) != 0) _exit(255);
      int fd = open(node.c_str(), flags | O_CLOEXEC | O_NONBLOCK);
      _exit(fd < 0 ? errno : 0);
    }
    int status = 0;
    waitpid(static_cast<pid_t>(pid), &status, 0);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -2;
    return code == 255 ? -1 : code;
  }

  static spec::DeviceRule Rule(bool allow, char type,
                               std::optional<int64_t> major,
                               std::optional<int64_t> minor,
                               const char* access) {
    spec::DeviceRule rule;
    rule.allow = allow;
    rule.type = type;
    rule.major = major;
    rule.minor = minor;
    rule.access = access;
    return rule;
  }

  tests::TempDir dir_;
  std::string directory_;
  int made_ = 0;
};

TEST_F(DeviceProgramTest, OrdinaryContainersGetTheOrdinaryDevices) {
  spec::Resources resources;
  resources.devices = {Rule(false, 'a', {}, {}, "rwm")};
  ASSERT_OK(AttachDeviceProgram(directory_, DeviceRules(resources, {})));
  EXPECT_EQ(Open('c', 1, 3, O_RDWR), 0);
  EXPECT_EQ(Open('c', 1, 9, O_RDWR), 0);
  EXPECT_EQ(Open('c', 1, 11, O_RDONLY), EPERM);  // kmsg: made, not opened
  EXPECT_EQ(Open('b', 1, 3, O_RDONLY), EPERM);   // same numbers, other type
}

TEST_F(DeviceProgramTest, AccessIsCheckedInBothDirections) {
  ASSERT_OK(AttachDeviceProgram(
      directory_, {Rule(false, 'a', {}, {}, "rwm"),
                   Rule(true, 'c', {}, {}, "m"), Rule(true, 'c', 1, 5, "r"),
                   Rule(true, 'c', 1, 3, "rw"), Rule(false, 'c', 1, 3, "w")}));
  EXPECT_EQ(Open('c', 1, 5, O_RDONLY), 0);
  EXPECT_EQ(Open('c', 1, 5, O_WRONLY), EPERM);
  EXPECT_EQ(Open('c', 1, 5, O_RDWR), EPERM);
  EXPECT_EQ(Open('c', 1, 3, O_RDONLY), 0);
  EXPECT_EQ(Open('c', 1, 3, O_WRONLY), EPERM);
}

TEST_F(DeviceProgramTest, TheLastRuleWins) {
  ASSERT_OK(AttachDeviceProgram(directory_, {Rule(false, 'c', 1, 3, "rwm"),
                                             Rule(true, 'a', {}, {}, "rwm")}));
  EXPECT_EQ(Open('c', 1, 3, O_RDWR), 0);
  EXPECT_EQ(Open('c', 1, 11, O_RDONLY), 0);
}

TEST_F(DeviceProgramTest, WithoutARuleNothingIsAllowed) {
  ASSERT_OK(AttachDeviceProgram(directory_, {Rule(true, 'c', 1, 3, "rwm")}));
  EXPECT_EQ(Open('c', 1, 3, O_RDWR), 0);
  EXPECT_EQ(Open('c', 1, 5, O_RDONLY), -1);
}

}  // namespace
}  // namespace runtime::cgroup
