// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/cgroup.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cgroup/limits.h"
#include "tests/support/status_matchers.h"

namespace runtime::cgroup {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

TEST(CgroupTest, PathsNameOneCgroupBelowTheRoot) {
  absl::StatusOr<Cgroup> cgroup = Cgroup::At("kubepods//a/./b/");
  if (absl::IsNotFound(cgroup.status())) {
    GTEST_SKIP() << "this host has no cgroup hierarchy";
  }
  ASSERT_OK(cgroup);
  EXPECT_EQ(cgroup->path(), "/kubepods/a/b");
  for (const char* path : {"", "/", "/..", "/a/../b", "."}) {
    EXPECT_THAT(Cgroup::At(path), StatusIs(absl::StatusCode::kInvalidArgument))
        << path;
  }
  EXPECT_THAT(
      Cgroup::At("system.slice:cri:abc"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("systemd")));
}

TEST(CgroupTest, MissingCgroupsAreAlreadyGone) {
  EXPECT_EQ(Remove("/coracle-test-no-such-cgroup/x"), 0);
  EXPECT_EQ(Kill("/coracle-test-no-such-cgroup/x", 9), 0);
  EXPECT_EQ(OomKills("/coracle-test-no-such-cgroup/x"), -1);
}

TEST(CgroupTest, IsMadeWhileItsEmptyParentIsBeingRemoved) {
  if (geteuid() != 0) GTEST_SKIP() << "making cgroups needs root";
  const std::string parent = absl::StrCat("/coracle-test-race-", getpid());
  ASSERT_OK_AND_ASSIGN(Cgroup above, Cgroup::At(parent));
  // At most so many removals for one creation, below the tries that it makes:
  // on a slow machine the remover would win every time.
  constexpr int kRemovals = 20;
  std::atomic<bool> done{false};
  std::atomic<int> removals{0};
  std::thread remover([&] {
    while (!done) {
      for (const Hierarchy& hierarchy : above.layout().hierarchies) {
        if (removals >= kRemovals) continue;
        if (rmdir(above.Directory(hierarchy).c_str()) == 0) ++removals;
      }
      usleep(200);
    }
  });
  ASSERT_OK_AND_ASSIGN(Cgroup cgroup, Cgroup::At(parent + "/child"));
  for (int i = 0; i < 200; ++i) {
    removals = 0;
    EXPECT_OK(cgroup.Create());
    EXPECT_EQ(Remove(cgroup.path()), 0);
  }
  done = true;
  remover.join();
  EXPECT_EQ(Remove(parent), 0);
}

TEST(LimitsTest, SharesBecomeWeights) {
  EXPECT_EQ(WeightOfShares(2), 1u);
  EXPECT_EQ(WeightOfShares(0), 1u);
  EXPECT_EQ(WeightOfShares(1024), 39u);
  EXPECT_EQ(WeightOfShares(262144), 10000u);
  EXPECT_EQ(WeightOfShares(1 << 30), 10000u);
}

TEST(LimitsTest, DeviceRulesGrantTheUsualDevicesAndNoMore) {
  spec::Resources resources;
  spec::DeviceRule deny;
  resources.devices = {deny};
  std::vector<spec::DeviceRule> rules =
      DeviceRules(resources, {{'c', "/dev/fuse", 10, 229}});
  ASSERT_FALSE(rules.empty());
  EXPECT_FALSE(rules[0].allow);
  bool fuse = false, full_access = false, kmsg = false;
  for (const spec::DeviceRule& rule : rules) {
    fuse |= rule.allow && rule.major == 10 && rule.minor == 229;
    kmsg |= rule.allow && rule.major == 1 && rule.minor == 11;
    full_access |= rule.allow && !rule.major && rule.access != "m";
  }
  EXPECT_TRUE(fuse);
  EXPECT_FALSE(kmsg);
  EXPECT_FALSE(full_access);
}

TEST(LimitsTest, AllowingEverythingIsOneRule) {
  spec::Resources resources;
  spec::DeviceRule allow;
  allow.allow = true;
  resources.devices = {allow};
  EXPECT_EQ(DeviceRules(resources, {}).size(), 1u);
}

}  // namespace
}  // namespace runtime::cgroup
