// SPDX-License-Identifier: Apache-2.0
#include "cri/container/resources.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

using Resources = ::runtime::v1::LinuxContainerResources;
using ::testing::HasSubstr;
using ::tests::StatusIs;

Resources Limits(int64_t memory, int64_t swap, int64_t period = 0,
                 int64_t quota = 0) {
  Resources resources;
  resources.set_memory_limit_in_bytes(memory);
  resources.set_memory_swap_limit_in_bytes(swap);
  resources.set_cpu_period(period);
  resources.set_cpu_quota(quota);
  return resources;
}

TEST(CheckResourcesTest, NamesTheFieldAtFault) {
  const struct {
    const char* field;
    std::function<void(Resources&)> spoil;
  } kRows[] = {
      {"cpu_period", [](Resources& r) { r.set_cpu_period(-1); }},
      {"cpu_period", [](Resources& r) { r.set_cpu_period(2000000); }},
      {"cpu_quota", [](Resources& r) { r.set_cpu_quota(-2); }},
      {"cpu_quota", [](Resources& r) { r.set_cpu_quota(999); }},
      {"cpu_shares", [](Resources& r) { r.set_cpu_shares(-1); }},
      {"cpu_shares", [](Resources& r) { r.set_cpu_shares(262145); }},
      {"memory_limit_in_bytes",
       [](Resources& r) { r.set_memory_limit_in_bytes(-2); }},
      {"memory_swap_limit_in_bytes",
       [](Resources& r) { r.set_memory_swap_limit_in_bytes(-2); }},
      {"memory_swap_limit_in_bytes", [](Resources& r) { r = Limits(10, 9); }},
      {"oom_score_adj", [](Resources& r) { r.set_oom_score_adj(1001); }},
      {"cpuset_cpus", [](Resources& r) { r.set_cpuset_cpus("0\n1"); }},
      {"cpuset_mems", [](Resources& r) { r.set_cpuset_mems("../x"); }},
      {"hugepage_limits.page_size",
       [](Resources& r) { r.add_hugepage_limits()->set_page_size("2/MB"); }},
      {"hugepage_limits.page_size",
       [](Resources& r) { r.add_hugepage_limits(); }},
      {"unified",
       [](Resources& r) { (*r.mutable_unified())["../memory.max"] = "1"; }},
      {"unified[\"cgroup.procs\"]",
       [](Resources& r) { (*r.mutable_unified())["cgroup.procs"] = "1"; }},
      {"memory_swap_limit_in_bytes", [](Resources& r) { r = Limits(-1, 9); }},
  };
  for (const auto& row : kRows) {
    Resources resources;
    row.spoil(resources);
    EXPECT_THAT(CheckResources(resources, "linux"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string("linux.") + row.field + ": ")))
        << resources.ShortDebugString();
  }
}

TEST(CheckResourcesTest, TakesWhatClientsSend) {
  EXPECT_OK(CheckResources(Resources(), "linux"));
  Resources resources = Limits(64 << 20, 64 << 20, 100000, -1);
  resources.set_cpu_shares(2);
  resources.set_oom_score_adj(-997);
  resources.set_cpuset_cpus("0-3,7");
  resources.add_hugepage_limits()->set_page_size("2MB");
  (*resources.mutable_unified())["memory.oom.group"] = "1";
  EXPECT_OK(CheckResources(resources, "linux"));
}

TEST(InWordsOfCriTest, FieldsOfOciBecomeThoseOfTheRequest) {
  EXPECT_EQ(InWordsOfCri(
                absl::InvalidArgumentError(
                    "linux.resources.cpu.cpus: a; linux.resources.cpu.mems: b; "
                    "linux.resources.memory.limit: c"),
                "linux"),
            absl::InvalidArgumentError("linux.cpuset_cpus: a; "
                                       "linux.cpuset_mems: b; "
                                       "linux.memory_limit_in_bytes: c"));
}

TEST(MergeTest, ZeroAndEmptyKeep) {
  Resources now = Limits(100, 150, 100000, 5000);
  now.set_cpu_shares(512);
  now.set_cpuset_cpus("0");
  now.set_oom_score_adj(900);
  Resources merged = Merge(now, Resources());
  EXPECT_EQ(merged.SerializeAsString(), now.SerializeAsString());
  Resources change;
  change.set_cpu_shares(1024);
  merged = Merge(now, change);
  EXPECT_EQ(merged.cpu_shares(), 1024);
  EXPECT_EQ(merged.cpu_quota(), 5000);
  EXPECT_EQ(merged.cpuset_cpus(), "0");
  EXPECT_EQ(merged.oom_score_adj(), 900);
}

TEST(MergeTest, MemoryAloneTakesItsSwapAlong) {
  EXPECT_EQ(
      Merge(Limits(100, 150), Limits(200, 0)).memory_swap_limit_in_bytes(),
      250);
  EXPECT_EQ(Merge(Limits(100, 100), Limits(50, 0)).memory_swap_limit_in_bytes(),
            50);
  EXPECT_EQ(Merge(Limits(100, 0), Limits(50, 0)).memory_swap_limit_in_bytes(),
            0);
  EXPECT_EQ(
      Merge(Limits(100, 150), Limits(200, 400)).memory_swap_limit_in_bytes(),
      400);
}

TEST(MergeTest, UnlimitedMemoryLeavesTheSwapAllowanceAlone) {
  // 100 and 100 is a ban on swap, 100 and 0 none: one of `unified`, perhaps.
  for (const int64_t swap : {0, 100, 150}) {
    const Resources now = Limits(100, swap), wanted = Merge(now, Limits(-1, 0));
    EXPECT_EQ(wanted.memory_swap_limit_in_bytes(), 0) << swap;
    EXPECT_OK(CheckResources(wanted, "linux"));
    const Resources difference = Difference(now, wanted);
    EXPECT_EQ(difference.memory_limit_in_bytes(), -1) << swap;
    EXPECT_EQ(difference.memory_swap_limit_in_bytes(), 0) << swap;
    EXPECT_EQ(Difference(wanted, now).memory_swap_limit_in_bytes(), swap);
  }
  EXPECT_EQ(
      Merge(Limits(100, 100), Limits(-1, -1)).memory_swap_limit_in_bytes(), -1);
  EXPECT_EQ(Merge(Limits(100, -1), Limits(-1, 0)).memory_swap_limit_in_bytes(),
            -1);
}

TEST(MergeTest, AllowanceDoesNotOverflow) {
  const Resources merged = Merge(Limits(100, 200), Limits(INT64_MAX - 50, 0));
  EXPECT_EQ(merged.memory_swap_limit_in_bytes(), INT64_MAX);
  EXPECT_OK(CheckResources(merged, "linux"));
}

TEST(MergeTest, ListsGoByTheirKeys) {
  Resources now, change;
  auto* two = now.add_hugepage_limits();
  two->set_page_size("2MB");
  two->set_limit(1);
  (*now.mutable_unified())["memory.high"] = "1";
  auto* again = change.add_hugepage_limits();
  again->set_page_size("2MB");
  again->set_limit(5);
  change.add_hugepage_limits()->set_page_size("1GB");
  (*change.mutable_unified())["memory.low"] = "2";
  Resources merged = Merge(now, change);
  ASSERT_EQ(merged.hugepage_limits_size(), 2);
  EXPECT_EQ(merged.hugepage_limits(0).limit(), 5u);
  EXPECT_EQ(merged.unified().size(), 2u);
  Resources difference = Difference(now, merged);
  EXPECT_EQ(difference.hugepage_limits_size(), 2);
  EXPECT_EQ(difference.unified().size(), 1u);
}

TEST(DifferenceTest, PairsComeWhole) {
  Resources difference =
      Difference(Limits(100, 150, 100000, 5000), Limits(200, 150, 50000, 5000));
  EXPECT_EQ(difference.memory_limit_in_bytes(), 200);
  EXPECT_EQ(difference.memory_swap_limit_in_bytes(), 150);
  EXPECT_EQ(difference.cpu_period(), 50000);
  EXPECT_EQ(difference.cpu_quota(), 5000);
  EXPECT_EQ(difference.cpu_shares(), 0);
}

// Between two cgroup writes, a limit that is to stay may be another one's.
TEST(WholeTest, WritesWhatStaysToo) {
  Resources now = Limits(100, 0), wanted = Limits(100, 0, 50000, 5000);
  now.set_cpu_shares(2);
  now.add_hugepage_limits()->set_page_size("2MB");
  *wanted.mutable_hugepage_limits() = now.hugepage_limits();
  const Resources whole = Whole(now, wanted);
  EXPECT_EQ(whole.memory_limit_in_bytes(), 100);
  EXPECT_EQ(whole.cpu_quota(), 5000);
  EXPECT_EQ(whole.cpu_shares(), 1024);
  EXPECT_EQ(whole.hugepage_limits_size(), 1);
}

TEST(DifferenceTest, WayBackEndsInTheKernelsDefaults) {
  Resources before, after = Limits(200, 300, 50000, 5000);
  after.set_cpu_shares(2);
  Resources difference = Difference(after, before);
  EXPECT_EQ(difference.memory_limit_in_bytes(), -1);
  EXPECT_EQ(difference.memory_swap_limit_in_bytes(), -1);
  EXPECT_EQ(difference.cpu_period(), 100000);
  EXPECT_EQ(difference.cpu_quota(), -1);
  EXPECT_EQ(difference.cpu_shares(), 1024);
  EXPECT_EQ(Difference(before, before).ByteSizeLong(), 0u);
}

}  // namespace
}  // namespace cri::container
