// SPDX-License-Identifier: Apache-2.0
// What is written where, on directories that look like cgroups.
#include "runtime/cgroup/limits.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/runtime/cgroup/fake_files.h"

namespace runtime::cgroup {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

class LimitsFilesTest : public testing::Test {
 protected:
  void Make(const std::string& file) { files_.Write(file, ""); }
  std::string Content(const std::string& file) { return files_.Content(file); }

  FakeFiles files_;
};

TEST_F(LimitsFilesTest, V2WritesItsOwnUnits) {
  for (const char* file :
       {"memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max",
        "pids.max", "cpuset.cpus", "io.weight", "memory.high"}) {
    Make(file);
  }
  spec::Resources r;
  r.memory_limit = 100;
  r.memory_swap = 150;
  r.memory_reservation = 50;
  r.cpu_shares = 1024;
  r.cpu_quota = 20000;
  r.cpu_period = 100000;
  r.pids_limit = 7;
  r.cpuset_cpus = "0-1";
  r.blkio_weight = 1000;
  r.unified = {{"memory.high", "90"}};
  ASSERT_OK(LimitV2(files_.Path(""), r, {}));
  EXPECT_EQ(Content("memory.max"), "100");
  EXPECT_EQ(Content("memory.swap.max"), "50");
  EXPECT_EQ(Content("memory.low"), "50");
  EXPECT_EQ(Content("cpu.weight"), "39");
  EXPECT_EQ(Content("cpu.max"), "20000 100000");
  EXPECT_EQ(Content("pids.max"), "7");
  EXPECT_EQ(Content("cpuset.cpus"), "0-1");
  EXPECT_EQ(Content("io.weight"), "10000");
  EXPECT_EQ(Content("memory.high"), "90");
}

TEST_F(LimitsFilesTest, MinusOneIsUnlimited) {
  for (const char* file :
       {"memory.max", "memory.swap.max", "cpu.max", "pids.max"}) {
    Make(file);
  }
  spec::Resources r;
  r.memory_limit = -1;
  r.memory_swap = -1;
  r.cpu_quota = -1;
  r.pids_limit = -1;
  ASSERT_OK(LimitV2(files_.Path(""), r, {}));
  for (const char* file :
       {"memory.max", "memory.swap.max", "cpu.max", "pids.max"}) {
    EXPECT_EQ(Content(file), "max") << file;
  }
}

TEST_F(LimitsFilesTest, AFileThatIsMissingIsNamed) {
  spec::Resources r;
  r.memory_limit = 100;
  EXPECT_THAT(LimitV2(files_.Path(""), r, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("memory.max")));
  EXPECT_THAT(LimitV1(files_.V1({"cpu"}), "/x", r, {}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("no cgroup controller memory")));
}

TEST_F(LimitsFilesTest, V1SpreadsOverItsHierarchies) {
  for (const char* file :
       {"memory/x/memory.limit_in_bytes", "memory/x/memory.soft_limit_in_bytes",
        "cpu/x/cpu.shares", "cpu/x/cpu.cfs_quota_us", "cpu/x/cpu.cfs_period_us",
        "pids/x/pids.max", "cpuset/x/cpuset.cpus"}) {
    Make(file);
  }
  spec::Resources r;
  r.memory_limit = 100;
  r.memory_swap = 100;  // no swap accounting here: left out
  r.memory_reservation = 50;
  r.cpu_shares = 2;
  r.cpu_quota = -1;
  r.cpu_period = 100000;
  r.pids_limit = 0;
  r.cpuset_cpus = "0";
  ASSERT_OK(
      LimitV1(files_.V1({"memory", "cpu", "pids", "cpuset"}), "/x", r, {}));
  EXPECT_EQ(Content("memory/x/memory.limit_in_bytes"), "100");
  EXPECT_EQ(Content("memory/x/memory.soft_limit_in_bytes"), "50");
  EXPECT_EQ(Content("cpu/x/cpu.shares"), "2");
  EXPECT_EQ(Content("cpu/x/cpu.cfs_quota_us"), "-1");
  EXPECT_EQ(Content("cpu/x/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(Content("pids/x/pids.max"), "max");
  EXPECT_EQ(Content("cpuset/x/cpuset.cpus"), "0");
}

}  // namespace
}  // namespace runtime::cgroup
