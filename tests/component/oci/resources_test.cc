// SPDX-License-Identifier: Apache-2.0
// Limits of a container, on whatever cgroup layout the host has.
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/layout.h"
#include "tests/support/oci.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class OciResourcesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    absl::StatusOr<runtime::cgroup::Layout> layout = runtime::cgroup::Detect();
    ASSERT_TRUE(layout.ok()) << layout.status();
    v2_ = layout->v2;
  }
  bool v2_ = false;
};

TEST_F(OciResourcesTest, LimitsAreWritten) {
  Oci oci;
  oci.config["linux"]["resources"]["memory"] = {{"limit", 67108864}};
  oci.config["linux"]["resources"]["cpu"] = {
      {"shares", 512}, {"quota", 50000}, {"period", 100000}};
  oci.config["linux"]["resources"]["pids"] = {{"limit", 33}};
  oci.Script("exec sleep 1000");
  Output started = oci.Start();
  ASSERT_EQ(started.code, 0) << started.err;
  EXPECT_EQ(oci.CgroupFile("pids", "pids.max"), "33");
  if (v2_) {
    EXPECT_EQ(oci.CgroupFile("", "memory.max"), "67108864");
    EXPECT_EQ(oci.CgroupFile("", "cpu.max"), "50000 100000");
    EXPECT_EQ(oci.CgroupFile("", "cpu.weight"), "20");
  } else {
    EXPECT_EQ(oci.CgroupFile("memory", "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(oci.CgroupFile("cpu", "cpu.cfs_quota_us"), "50000");
    EXPECT_EQ(oci.CgroupFile("cpu", "cpu.shares"), "512");
  }
  ASSERT_EQ(oci.Call({"update", "--memory", "33554432", oci.id()}).code, 0);
  EXPECT_EQ(
      oci.CgroupFile("memory", v2_ ? "memory.max" : "memory.limit_in_bytes"),
      "33554432");
}

// Whatever is made for a container counts as its own, even before it runs.
TEST_F(OciResourcesTest, WhatATmpfsCopiesIsLimited) {
  Oci oci;
  ASSERT_OK(runtime::MakeDirs(oci.rootfs() + "/big"));
  ASSERT_OK(runtime::WriteFileAtomic(oci.rootfs() + "/big/file",
                                     std::string(48 << 20, 'x')));
  oci.Mount("/big", "tmpfs", "tmpfs", {"tmpcopyup"});
  oci.Script("stat -c %s /big/file");
  Output output = oci.Run();
  EXPECT_EQ(Trim(output.out), "50331648") << output.err;
  oci.config["linux"]["resources"]["memory"] = {{"limit", 16 << 20}};
  output = oci.Run();
  EXPECT_NE(output.code, 0);
  EXPECT_THAT(output.err, HasSubstr("mount /big: option tmpcopyup: copy"));
}

TEST_F(OciResourcesTest, ASmallCpuQuotaDoesNotThrottleTheSetUp) {
  Oci oci;
  oci.config["linux"]["resources"]["cpu"] = {{"quota", 1000},
                                             {"period", 100000}};
  oci.WriteConfig();
  Output created = oci.Call({"create", "--bundle", oci.bundle(), oci.id()});
  ASSERT_EQ(created.code, 0) << created.err;
  EXPECT_THAT(oci.CgroupFile("cpu", "cpu.stat"),
              testing::HasSubstr("nr_throttled 0"));
}

TEST_F(OciResourcesTest, AnOomKillIsCounted) {
  Oci oci;
  oci.config["linux"]["resources"]["memory"] = {{"limit", 16777216}};
  // The second tail is a child, so that the container itself lives on.
  oci.Script("tail /dev/zero; echo $?; exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  while (runtime::cgroup::OomKills(oci.cgroup()) < 1) {
  }
  EXPECT_EQ(oci.Status(), "running");
}

TEST_F(OciResourcesTest, ProcessesAreLimited) {
  Oci oci;
  oci.config["linux"]["resources"]["pids"] = {{"limit", 5}};
  oci.Script("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait");
  Output output = oci.Run();
  EXPECT_THAT(output.err, testing::HasSubstr("fork"));
}

TEST_F(OciResourcesTest, KillAllReachesEveryProcess) {
  Oci oci;
  oci.Script("sleep 1000 & sleep 1000 & wait");
  ASSERT_EQ(oci.Start().code, 0);
  ASSERT_EQ(runtime::cgroup::Kill(oci.cgroup(), 9), 0);
  EXPECT_EQ(runtime::cgroup::Remove(oci.cgroup()), 0);
  EXPECT_EQ(runtime::cgroup::Remove(oci.cgroup()), 0);
  EXPECT_EQ(oci.Status(), "stopped");
}

TEST_F(OciResourcesTest, ChildCgroupsGoWithTheContainer) {
  Oci oci;
  for (auto& mount : oci.config["mounts"]) {
    if (mount["destination"] == "/sys/fs/cgroup") mount["options"] = {"rw"};
  }
  oci.Script(
      "for c in /sys/fs/cgroup /sys/fs/cgroup/pids; do mkdir -p $c/a/b "
      "2>/dev/null; done; true");
  ASSERT_EQ(oci.Run().code, 0);
  EXPECT_EQ(oci.CgroupFile("pids", "pids.max"), "");
}

// As systemd or a container engine inside does: the container's own cgroup has
// controllers for its children and takes no process any more.
TEST_F(OciResourcesTest, ExecEntersAContainerThatHasCgroupsOfItsOwn) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  absl::StatusOr<runtime::cgroup::Cgroup> cgroup =
      runtime::cgroup::Cgroup::At(oci.cgroup());
  ASSERT_TRUE(cgroup.ok()) << cgroup.status();
  const runtime::cgroup::Hierarchy* unified = cgroup->layout().Unified();
  if (unified == nullptr) GTEST_SKIP() << "this host has no cgroup v2 at all";
  const std::string own = cgroup->Directory(*unified);
  const std::string inner = own + "/init";
  ASSERT_EQ(mkdir(inner.c_str(), 0755), 0);
  absl::StatusOr<std::string> pid = runtime::ReadFile(own + "/cgroup.procs");
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(runtime::WriteFile(inner + "/cgroup.procs", Trim(*pid)).ok());
  absl::StatusOr<std::string> all =
      runtime::ReadFile(own + "/cgroup.controllers");
  ASSERT_TRUE(all.ok()) << all.status();
  // A hybrid host may have none in its v2 hierarchy.
  const std::string first = Trim(all->substr(0, all->find(' ')));
  if (!first.empty()) {
    ASSERT_TRUE(runtime::WriteFile(own + "/cgroup.subtree_control",
                                   absl::StrCat("+", first))
                    .ok());
  }
  Output output = oci.Exec("cat /proc/self/cgroup");
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out,
              testing::HasSubstr(first.empty() ? "0::/" : "0::/init"));
}

}  // namespace
}  // namespace tests
