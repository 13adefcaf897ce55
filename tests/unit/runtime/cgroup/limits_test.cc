// SPDX-License-Identifier: Apache-2.0
// What is written where, on directories that look like cgroups.
#include "runtime/cgroup/limits.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/meter.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/runtime/cgroup/fake_files.h"

namespace runtime::cgroup {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tests::StatusIs;

class LimitsFilesTest : public testing::Test {
 protected:
  void Make(const std::string& file) { files_.Write(file, ""); }
  std::string Content(const std::string& file) { return files_.Content(file); }

  FakeFiles files_;
  Writes writes_{/*undoable=*/true};
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
  ASSERT_OK(LimitV2(files_.Path(""), r, {}, writes_));
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
  ASSERT_OK(LimitV2(files_.Path(""), r, {}, writes_));
  for (const char* file :
       {"memory.max", "memory.swap.max", "cpu.max", "pids.max"}) {
    EXPECT_EQ(Content(file), "max") << file;
  }
}

TEST_F(LimitsFilesTest, AFileThatIsMissingIsNamed) {
  spec::Resources r;
  r.memory_limit = 100;
  EXPECT_THAT(LimitV2(files_.Path(""), r, {}, writes_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("memory.max")));
  EXPECT_THAT(LimitV1(files_.V1({"cpu"}), "/x", r, {}, writes_),
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
  ASSERT_OK(LimitV1(files_.V1({"memory", "cpu", "pids", "cpuset"}), "/x", r, {},
                    writes_));
  EXPECT_EQ(Content("memory/x/memory.limit_in_bytes"), "100");
  EXPECT_EQ(Content("memory/x/memory.soft_limit_in_bytes"), "50");
  EXPECT_EQ(Content("cpu/x/cpu.shares"), "2");
  EXPECT_EQ(Content("cpu/x/cpu.cfs_quota_us"), "-1");
  EXPECT_EQ(Content("cpu/x/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(Content("pids/x/pids.max"), "max");
  EXPECT_EQ(Content("cpuset/x/cpuset.cpus"), "0");
}

TEST_F(LimitsFilesTest, PeriodAloneKeepsTheQuotaOnV2) {
  files_.Write("cpu.max", "20000 100000\n");
  spec::Resources r;
  r.cpu_period = 200000;
  ASSERT_OK(LimitV2(files_.Path(""), r, {}, writes_));
  EXPECT_THAT(Content("cpu.max"), StartsWith("20000 200000"));
}

TEST_F(LimitsFilesTest, SwapAloneIsMeasuredAgainstTheMemoryInForceOnV2) {
  files_.Write("memory.max", "100\n");
  files_.Write("memory.swap.max", "0\n");
  spec::Resources r;
  r.memory_swap = 150;
  ASSERT_OK(LimitV2(files_.Path(""), r, {}, writes_));
  EXPECT_EQ(Content("memory.swap.max"), "50");
  r.memory_swap = 99;
  EXPECT_THAT(LimitV2(files_.Path(""), r, {}, writes_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LimitsFilesTest, UnlimitedMemoryAloneLeavesTheSwapLimitOfV2) {
  files_.Write("memory.max", "100");
  files_.Write("memory.swap.max", "0");
  spec::Resources r;
  r.memory_limit = -1;
  ASSERT_OK(LimitV2(files_.Path(""), r, {}, writes_));
  EXPECT_EQ(Content("memory.max"), "max");
  EXPECT_EQ(Content("memory.swap.max"), "0");
}

TEST_F(LimitsFilesTest, UnlimitedMemoryLiftsTheCommonLimitOfV1) {
  Make("memory/x/memory.limit_in_bytes");
  Make("memory/x/memory.memsw.limit_in_bytes");
  spec::Resources r;
  r.memory_limit = -1;
  ASSERT_OK(LimitV1(files_.V1({"memory"}), "/x", r, {}, writes_));
  EXPECT_EQ(Content("memory/x/memory.limit_in_bytes"), "-1");
  EXPECT_EQ(Content("memory/x/memory.memsw.limit_in_bytes"), "-1");
}

TEST_F(LimitsFilesTest, UnifiedFileThatV2DoesNotHaveIsTheClientsMistake) {
  spec::Resources r;
  r.unified = {{"memory.hihg", "100"}};
  EXPECT_THAT(LimitV2(files_.Path(""), r, {}, writes_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("linux.resources.unified[\"memory.hihg\"]")));
}

TEST(CpusetStatusTest, NamesTheFieldAndWhoseMistakeItIs) {
  EXPECT_OK(CpusetStatus("cpus", absl::OkStatus()));
  struct {
    absl::StatusCode written, code;
  } const rows[] = {
      {absl::StatusCode::kOutOfRange, absl::StatusCode::kInvalidArgument},
      {absl::StatusCode::kInvalidArgument, absl::StatusCode::kInvalidArgument},
      {absl::StatusCode::kPermissionDenied, absl::StatusCode::kInvalidArgument},
      {absl::StatusCode::kNotFound, absl::StatusCode::kFailedPrecondition},
      {absl::StatusCode::kInternal, absl::StatusCode::kInternal},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(CpusetStatus("mems", absl::Status(row.written, "write x")),
                StatusIs(row.code, "linux.resources.cpu.mems: write x"));
  }
}

TEST_F(LimitsFilesTest, UnifiedFilesNeedAV2Hierarchy) {
  files_.Write("unified/x/memory.high", "max");
  spec::Resources r;
  r.unified = {{"memory.high", "100"}};
  EXPECT_THAT(LimitV1(files_.V1({"memory"}), "/x", r, {}, writes_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("unified[\"memory.high\"]: ")));
  ASSERT_OK(LimitV1(files_.V1({"memory"}, true), "/x", r, {}, writes_));
  EXPECT_EQ(Content("unified/x/memory.high"), "100");
  r.unified = {{"memory.low", "100"}};
  EXPECT_THAT(LimitV1(files_.V1({"memory"}, true), "/x", r, {}, writes_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LimitsFilesTest, WhatWasWrittenBeforeAFailureIsTakenBack) {
  files_.Write("memory/x/memory.limit_in_bytes", "100");
  files_.Write("memory/x/memory.memsw.limit_in_bytes", "150");
  files_.Write("cpu/x/cpu.shares", "1024");
  files_.Write("cpu/x/cpu.cfs_period_us", "100000");
  spec::Resources r;
  r.memory_limit = 200;
  r.memory_swap = 250;
  r.cpu_shares = 2048;
  r.cpu_period = 200000;
  r.cpu_quota = 50000;  // there is no such file
  EXPECT_THAT(LimitV1(files_.V1({"memory", "cpu"}), "/x", r, {}, writes_),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Content("cpu/x/cpu.shares"), "2048");
  ASSERT_OK(writes_.Undo());
  EXPECT_EQ(Content("memory/x/memory.limit_in_bytes"), "100");
  EXPECT_EQ(Content("memory/x/memory.memsw.limit_in_bytes"), "150");
  EXPECT_EQ(Content("cpu/x/cpu.shares"), "1024");
  EXPECT_EQ(Content("cpu/x/cpu.cfs_period_us"), "100000");
}

// On the real kernel, whatever its layout is: limits that depend on each other,
// up and down, and all or nothing.
class UpdateTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Cgroup> made = Cgroup::At(path_);
    ASSERT_OK(made);
    cgroup_.emplace(*std::move(made));
    if (absl::Status status = cgroup_->Create(); !status.ok()) {
      GTEST_SKIP() << "cgroups cannot be made here: " << status;
    }
  }
  ~UpdateTest() override { Remove(path_); }

  absl::Status Update(int64_t memory, int64_t swap, uint64_t period,
                      int64_t quota) {
    spec::Resources r;
    if (memory != 0) r.memory_limit = memory;
    if (swap != 0) r.memory_swap = swap;
    if (period != 0) r.cpu_period = period;
    if (quota != 0) r.cpu_quota = quota;
    return cgroup_->Update(r);
  }
  uint64_t MemoryLimit() {
    return Meter(cgroup_->layout(), path_).Read()->memory_limit.value_or(0);
  }

  static constexpr int64_t kMiB = 1 << 20;
  const std::string path_ = absl::StrCat("/coracle-update-test-", getpid());
  std::optional<Cgroup> cgroup_;
};

TEST_F(UpdateTest, PairsGoUpAndDownInAnyOrder) {
  ASSERT_OK(Update(64 * kMiB, 64 * kMiB, 100000, 20000));
  ASSERT_OK(Update(128 * kMiB, 192 * kMiB, 10000, 5000));
  EXPECT_EQ(MemoryLimit(), 128u * kMiB);
  ASSERT_OK(Update(32 * kMiB, 32 * kMiB, 1000000, 1000));
  EXPECT_EQ(MemoryLimit(), 32u * kMiB);
  ASSERT_OK(Update(-1, -1, 0, -1));
  EXPECT_EQ(MemoryLimit(), 0u);
  ASSERT_OK(Update(32 * kMiB, 32 * kMiB, 0, 0));
  ASSERT_OK(Update(-1, 0, 0, 0));
  EXPECT_EQ(MemoryLimit(), 0u);
}

TEST_F(UpdateTest, IsAllOrNothing) {
  ASSERT_OK(Update(64 * kMiB, 64 * kMiB, 100000, 20000));
  // The kernel takes no period above a second.
  EXPECT_FALSE(Update(96 * kMiB, 96 * kMiB, 5000000, 20000).ok());
  EXPECT_EQ(MemoryLimit(), 64u * kMiB);
}

TEST_F(UpdateTest, ProcessorsAndNodesThatNoHostHasAreRefusedByName) {
  spec::Resources cpus;
  cpus.cpuset_cpus = "0,100000";
  EXPECT_THAT(cgroup_->Update(cpus),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("linux.resources.cpu.cpus: ")));
  spec::Resources mems;
  mems.cpuset_mems = "1000000";
  EXPECT_THAT(cgroup_->Update(mems),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("linux.resources.cpu.mems: ")));
}

TEST_F(UpdateTest, LimitBelowWhatIsInUseIsRefusedWithoutAKill) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  ASSERT_OK_AND_ASSIGN(std::vector<UniqueFd> doors, cgroup_->OpenDoors(false));
  pid_t child = fork();
  if (child == 0) {
    // Memory of its own, held until the parent goes.
    for (const UniqueFd& door : doors) {
      if (write(door.get(), "0", 1) != 1) _exit(1);
    }
    constexpr size_t kBytes = 48 << 20;
    char* memory = static_cast<char*>(malloc(kBytes));
    for (size_t i = 0; i < kBytes; i += 4096) memory[i] = 1;
    if (write(pipe_fds[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(memory[4096]);
  }
  close(pipe_fds[1]);
  char byte;
  EXPECT_EQ(read(pipe_fds[0], &byte, 1), 1);
  EXPECT_THAT(Update(16 * kMiB, 16 * kMiB, 0, 0),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("bytes in use")));
  EXPECT_EQ(MemoryLimit(), 0u);
  EXPECT_EQ(OomKills(path_), 0);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(pipe_fds[0]);
}

}  // namespace
}  // namespace runtime::cgroup
