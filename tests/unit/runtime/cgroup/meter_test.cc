// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/meter.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/meter_parse.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/runtime/cgroup/fake_files.h"

namespace runtime::cgroup {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using tests::StatusIs;

constexpr char kPressure[] =
    "some avg10=1.50 avg60=2.00 avg300=0.25 total=4000\n"
    "full avg10=0.50 avg60=0.00 avg300=0.00 total=3000\n";
constexpr char kNoLimitV1[] = "9223372036854771712\n";

const std::vector<std::string> kControllers = {"cpu", "cpuacct", "memory",
                                               "pids", "blkio"};

void FillV1(FakeFiles& files) {
  files.Write("cpuacct/x/cpuacct.usage", "123456789\n");
  files.Write("cpuacct/x/cpuacct.stat", "user 7\nsystem 3\n");
  files.Write("cpu/x/cpu.stat",
              "nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n");
  files.Write("memory/x/memory.usage_in_bytes", "1000000\n");
  files.Write("memory/x/memory.limit_in_bytes", "2000000\n");
  files.Write("memory/x/memory.memsw.limit_in_bytes", "2500000\n");
  files.Write("memory/x/memory.stat",
              "cache 1\nrss 2\npgfault 5\npgmajfault 1\ninactive_file 9\n"
              "total_cache 400000\ntotal_rss 600000\ntotal_shmem 70\n"
              "total_mapped_file 80\ntotal_pgfault 50\ntotal_pgmajfault 11\n"
              "total_swap 4096\ntotal_inactive_file 300000\n");
  files.Write("memory/x/memory.max_usage_in_bytes", "1500000\n");
  files.Write("memory/x/memory.failcnt", "6\n");
  files.Write("memory/x/memory.kmem.usage_in_bytes", "12345\n");
  files.Write("memory/x/memory.oom_control",
              "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  files.Write("pids/x/pids.current", "8\n");
  files.Write("pids/x/pids.max", "max\n");
  files.Write("pids/x/cgroup.procs", "100\n200\n");
  files.Write("blkio/x/blkio.throttle.io_service_bytes_recursive",
              "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 0\nTotal 12288\n");
  files.Write("blkio/x/blkio.throttle.io_serviced_recursive",
              "8:0 Read 1\n8:0 Write 2\n8:16 Read 5\nTotal 3\n");
}

TEST(MeterTest, ReadsV1) {
  FakeFiles files;
  FillV1(files);
  Meter meter(files.V1(kControllers), "/x");
  ASSERT_OK_AND_ASSIGN(Usage usage, meter.Read());
  EXPECT_EQ(usage.cpu_ns, 123456789u);
  EXPECT_EQ(usage.memory, 1000000u);
  EXPECT_EQ(usage.working_set, 700000u);
  EXPECT_EQ(usage.rss, 600000u);
  EXPECT_EQ(usage.cache, 400000u);
  EXPECT_EQ(usage.mapped_file, 80u);
  EXPECT_EQ(usage.memory_limit, 2000000u);
  EXPECT_EQ(usage.swap, 4096u);
  EXPECT_EQ(usage.swap_limit, 500000u);
  EXPECT_EQ(usage.page_faults, 50u);
  EXPECT_EQ(usage.major_page_faults, 11u);
  EXPECT_EQ(usage.own_page_faults, 5u);
  EXPECT_EQ(usage.tasks, 8u);
  EXPECT_FALSE(usage.cpu_pressure.has_value());

  ASSERT_OK_AND_ASSIGN(Details details, meter.ReadDetails());
  EXPECT_EQ(details.user_ns, 7u * (1000000000u / sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(details.periods, 10u);
  EXPECT_EQ(details.throttled_periods, 4u);
  EXPECT_EQ(details.throttled_ns, 5000u);
  EXPECT_EQ(details.memory_peak, 1500000u);
  EXPECT_EQ(details.kernel_memory, 12345u);
  EXPECT_EQ(details.limit_hits, 6u);
  EXPECT_EQ(details.oom_kills, 2u);
  EXPECT_EQ(details.tasks_limit, 0u);
  EXPECT_THAT(details.processes, ElementsAre(100, 200));
  ASSERT_THAT(details.io, SizeIs(2));
  EXPECT_EQ(details.io[0].read_bytes, 4096u);
  EXPECT_EQ(details.io[0].written_bytes, 8192u);
  EXPECT_EQ(details.io[0].writes, 2u);
  EXPECT_EQ(details.io[1].minor, 16u);
  EXPECT_EQ(details.io[1].reads, 5u);
}

TEST(MeterTest, HybridHostsHavePressureInTheirV2Hierarchy) {
  FakeFiles files;
  FillV1(files);
  files.Write("unified/x/cpu.pressure", kPressure);
  Meter meter(files.V1(kControllers, /*unified=*/true), "/x");
  ASSERT_OK_AND_ASSIGN(Usage usage, meter.Read());
  ASSERT_TRUE(usage.cpu_pressure.has_value());
  EXPECT_EQ(usage.cpu_pressure->some.total_us, 4000u);
  EXPECT_EQ(usage.cpu_pressure->some.avg10, 1.5);
  EXPECT_EQ(usage.cpu_pressure->full.total_us, 3000u);
  EXPECT_FALSE(usage.io_pressure.has_value());
}

TEST(MeterTest, ReadsV2) {
  FakeFiles files;
  files.Write("x/cpu.stat",
              "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnr_periods 3\n"
              "nr_throttled 2\nthrottled_usec 7\n");
  files.Write("x/memory.current", "900\n");
  files.Write("x/memory.max", "max\n");
  files.Write("x/memory.stat",
              "anon 500\nfile 300\nkernel 50\nfile_mapped 20\nshmem 4\n"
              "inactive_file 250\npgfault 9\npgmajfault 1\n");
  files.Write("x/memory.swap.current", "11\n");
  files.Write("x/memory.swap.max", "100\n");
  files.Write("x/memory.peak", "950\n");
  files.Write("x/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n");
  files.Write("x/pids.current", "2\n");
  files.Write("x/pids.max", "64\n");
  files.Write("x/cgroup.procs", "");
  files.Write("x/io.stat",
              "259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
  files.Write("x/memory.pressure", kPressure);
  Meter meter(files.V2(), "/x");
  ASSERT_OK_AND_ASSIGN(Usage usage, meter.Read());
  EXPECT_EQ(usage.cpu_ns, 100000u);
  EXPECT_EQ(usage.working_set, 650u);
  EXPECT_EQ(usage.rss, 500u);
  EXPECT_FALSE(usage.memory_limit.has_value());
  EXPECT_EQ(usage.swap, 11u);
  EXPECT_EQ(usage.swap_limit, 100u);
  EXPECT_EQ(usage.memory_pressure->full.avg10, 0.5);
  ASSERT_OK_AND_ASSIGN(Details details, meter.ReadDetails());
  EXPECT_EQ(details.user_ns, 60000u);
  EXPECT_EQ(details.throttled_ns, 7000u);
  EXPECT_EQ(details.limit_hits, 5u);
  EXPECT_EQ(details.oom_kills, 1u);
  EXPECT_EQ(details.kernel_memory, 50u);
  EXPECT_EQ(details.memory_peak, 950u);
  EXPECT_EQ(details.tasks_limit, 64u);
  ASSERT_THAT(details.io, SizeIs(1));
  EXPECT_EQ(details.io[0].major, 259u);
  EXPECT_EQ(details.io[0].writes, 4u);
}

TEST(MeterTest, CgroupThatIsNotThereIsNotFound) {
  FakeFiles files;
  Meter v1(files.V1(kControllers), "/x");
  EXPECT_THAT(v1.Read(), StatusIs(absl::StatusCode::kNotFound));
  Meter v2(files.V2(), "/x");
  EXPECT_THAT(v2.Read(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(v2.ReadDetails(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(MeterTest, NoLimitIsAbsentOnV1) {
  FakeFiles files;
  FillV1(files);
  files.Write("memory/x/memory.limit_in_bytes", kNoLimitV1);
  files.Write("memory/x/memory.memsw.limit_in_bytes", kNoLimitV1);
  Meter meter(files.V1(kControllers), "/x");
  ASSERT_OK_AND_ASSIGN(Usage usage, meter.Read());
  EXPECT_FALSE(usage.memory_limit.has_value());
  EXPECT_FALSE(usage.swap_limit.has_value());
}

TEST(MeterTest, LongListsOfProcessesAreReadWhole) {
  FakeFiles files;
  FillV1(files);
  std::string text;
  for (int pid = 1; pid <= 20000; ++pid) absl::StrAppend(&text, pid, "\n");
  files.Write("pids/x/cgroup.procs", text);
  Meter meter(files.V1(kControllers), "/x");
  ASSERT_OK_AND_ASSIGN(Details details, meter.ReadDetails());
  EXPECT_THAT(details.processes, SizeIs(20000));
}

TEST(MeterTest, ProcessesOfNestedCgroupsCount) {
  FakeFiles files;
  FillV1(files);
  files.Write("pids/x/a/cgroup.procs", "300\n");
  files.Write("pids/x/a/deep/cgroup.procs", "400\n500\n");
  files.Write("pids/x/empty/cgroup.procs", "");
  files.Write("pids/other/cgroup.procs", "600\n");
  Meter meter(files.V1(kControllers), "/x");
  ASSERT_OK_AND_ASSIGN(Details details, meter.ReadDetails());
  EXPECT_THAT(details.processes, ElementsAre(100, 200, 300, 400, 500));
}

// What a process may open is not all for this.
TEST(MeterTest, FewDescriptorsAreShared) {
  FakeFiles files;
  FillV1(files);
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  rlimit few = old;
  few.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<std::unique_ptr<Meter>> meters;
  for (int i = 0; i < 20; ++i) {
    meters.push_back(std::make_unique<Meter>(files.V1(kControllers), "/x"));
    EXPECT_EQ(meters.back()->Read()->cpu_ns, 123456789u);
    EXPECT_EQ(meters.back()->ReadDetails()->oom_kills, 2u);
  }
  for (auto& meter : meters) EXPECT_EQ(meter->Read()->memory, 1000000u);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST(MeterTest, StrangeLinesAreLeftOut) {
  EXPECT_EQ(Field("a b\nuserx 3\nuser\nuser x\nuser 4\n", "user"), 4u);
  EXPECT_EQ(Field("", "user"), 0u);
  EXPECT_FALSE(ParsePressure("nonsense\n").has_value());
  EXPECT_THAT(ParseIoStat("x:y rbytes=1\n8 rbytes=1\n\n"), SizeIs(0));
  EXPECT_THAT(ParsePids("1\n-3\nx\n0\n2"), ElementsAre(1, 2));
}

// The real kernel, whatever its layout is.
TEST(MeterTest, ReadsACgroupOfThisHostAndNoticesItsRemoval) {
  const std::string path = absl::StrCat("/coracle-meter-test-", getpid());
  ASSERT_OK_AND_ASSIGN(Cgroup cgroup, Cgroup::At(path));
  if (absl::Status made = cgroup.Create(); !made.ok()) {
    Remove(path);
    GTEST_SKIP() << "cgroups cannot be made here: " << made;
  }
  Meter meter(cgroup.layout(), path);
  absl::StatusOr<Usage> usage = meter.Read();
  absl::StatusOr<Details> details = meter.ReadDetails();
  EXPECT_EQ(Remove(path), 0);  // open files do not hinder it
  ASSERT_OK(usage);
  ASSERT_OK(details);
  EXPECT_EQ(usage->tasks.value_or(0), 0u);
  EXPECT_FALSE(usage->memory_limit.has_value());
  EXPECT_THAT(details->processes, SizeIs(0));
  EXPECT_THAT(meter.Read(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(MeterTest, FindsAProcessInANestedCgroupOfThisHost) {
  const std::string path = absl::StrCat("/coracle-meter-nested-", getpid());
  ASSERT_OK_AND_ASSIGN(Cgroup cgroup, Cgroup::At(path));
  ASSERT_OK_AND_ASSIGN(Cgroup nested, Cgroup::At(path + "/a/b"));
  absl::Status made = cgroup.Create();
  if (made.ok()) made = nested.Create();
  if (!made.ok()) {
    Remove(path);
    GTEST_SKIP() << "cgroups cannot be made here: " << made;
  }
  absl::StatusOr<std::vector<UniqueFd>> doors = nested.OpenDoors(false);
  ASSERT_OK(doors);
  int entered[2];
  ASSERT_EQ(pipe(entered), 0);
  const pid_t child = fork();
  if (child == 0) {
    for (const UniqueFd& door : *doors) {
      if (write(door.get(), "0", 1) != 1) _exit(1);
    }
    if (write(entered[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  close(entered[1]);
  char byte;
  EXPECT_EQ(read(entered[0], &byte, 1), 1);
  absl::StatusOr<Details> details = Meter(cgroup.layout(), path).ReadDetails();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(entered[0]);
  EXPECT_EQ(Remove(path), 0);
  ASSERT_OK(details);
  EXPECT_THAT(details->processes, ElementsAre(child));
}

}  // namespace
}  // namespace runtime::cgroup
