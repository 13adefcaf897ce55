// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/sampler.h"

#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cri/stats/fake_pod.h"

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;

TEST(SamplerTest, ContainerIsSaidInCrisWords) {
  FakePod fake;
  fake.SetUsage("/c1", 500, 100);
  fake.Write("/c1", "cpu.pressure",
             "some avg10=1.00 avg60=0 avg300=0 total=2\n");
  v1::ContainerStats stats = fake.sampler().StatsOf(fake.container());
  EXPECT_EQ(stats.attributes().id(), "c1");
  EXPECT_EQ(stats.attributes().metadata().name(), "main");
  EXPECT_EQ(stats.attributes().labels().at("app"), "web");
  EXPECT_GT(stats.cpu().timestamp(), 1000000000);
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 500000u);
  EXPECT_FALSE(stats.cpu().has_usage_nano_cores()) << "after one reading";
  EXPECT_EQ(stats.cpu().psi().some().total(), 2000u);
  EXPECT_EQ(stats.cpu().psi().some().avg10(), 1.0);
  EXPECT_EQ(stats.memory().usage_bytes().value(), 100u);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 90u);
  EXPECT_EQ(stats.memory().available_bytes().value(), 910u);
  EXPECT_EQ(stats.memory().rss_bytes().value(), 20u);
  EXPECT_EQ(stats.memory().page_faults().value(), 3u);
  EXPECT_FALSE(stats.memory().has_psi());
  EXPECT_GT(stats.swap().timestamp(), 0);
  EXPECT_FALSE(stats.has_io());
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(), "/mnt");
  EXPECT_EQ(stats.writable_layer().inodes_used().value(), 1u);
  EXPECT_GT(stats.writable_layer().timestamp(), 0);
}

TEST(SamplerTest, TimestampsAdvanceAndNoLimitIsAbsent) {
  FakePod fake;
  fake.SetUsage("/c1", 500, 100);
  fake.Write("/c1", "memory.max", "max\n");
  v1::ContainerStats first = fake.sampler().StatsOf(fake.container());
  v1::ContainerStats second = fake.sampler().StatsOf(fake.container());
  EXPECT_GT(second.cpu().timestamp(), first.cpu().timestamp());
  EXPECT_GT(second.memory().timestamp(), first.memory().timestamp());
  EXPECT_FALSE(second.memory().has_available_bytes());
}

TEST(SamplerTest, ContainerWithoutACgroupHasTimesAndZeros) {
  FakePod fake;
  v1::ContainerStats stats = fake.sampler().StatsOf(fake.container());
  EXPECT_EQ(stats.attributes().id(), "c1");
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_TRUE(stats.cpu().has_usage_core_nano_seconds());
  EXPECT_GT(stats.memory().timestamp(), 0);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 0u);
}

TEST(SamplerTest, ContainerThatHasExitedUsesNothing) {
  FakePod fake;
  fake.SetUsage("/c1", 500, 100);
  fake.Exit(0);
  v1::ContainerStats stats = fake.sampler().StatsOf(fake.container());
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_EQ(stats.memory().usage_bytes().value(), 0u);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 0u);
}

TEST(SamplerTest, PodIsItsCgroupWithNetworkAndContainers) {
  FakePod fake;
  fake.SetUsage("", 900, 300);
  fake.SetUsage("/c1", 500, 100);
  v1::PodSandboxStats stats = fake.sampler().StatsOf(fake.pod());
  EXPECT_EQ(stats.attributes().metadata().name(), "web");
  EXPECT_EQ(stats.linux().cpu().usage_core_nano_seconds().value(), 900000u);
  EXPECT_EQ(stats.linux().memory().usage_bytes().value(), 300u);
  EXPECT_EQ(stats.linux().process().process_count().value(), 4u);
  ASSERT_EQ(stats.linux().containers_size(), 1);
  EXPECT_EQ(stats.linux().containers(0).attributes().id(), "c1");
  // The host of this test may have no interface at all.
  PodProc here(getpid());
  EXPECT_EQ(stats.linux().has_network(), !here.Read().empty());
}

TEST(SamplerTest, PodInASharedCgroupIsTheSumOfItsContainers) {
  FakePod fake;
  fake.AddContainer("c2");
  fake.SetUsage("", 900, 300);
  fake.SetUsage("/c1", 500, 100);
  fake.SetUsage("/c2", 50, 110);
  fake.pod().shared_cgroup = true;
  v1::PodSandboxStats stats = fake.sampler().StatsOf(fake.pod());
  EXPECT_EQ(stats.linux().cpu().usage_core_nano_seconds().value(), 550000u);
  EXPECT_EQ(stats.linux().memory().usage_bytes().value(), 210u);
  EXPECT_EQ(stats.linux().process().process_count().value(), 8u);
  EXPECT_FALSE(stats.linux().memory().has_available_bytes());
}

uint64_t PodsCpu(FakePod& fake) {
  return fake.sampler()
      .StatsOf(fake.pod())
      .linux()
      .cpu()
      .usage_core_nano_seconds()
      .value();
}

TEST(SamplerTest, CountersOfASumSurviveARemovedContainer) {
  FakePod fake;
  fake.AddContainer("c2");
  fake.SetUsage("/c1", 500, 100);
  fake.SetUsage("/c2", 50, 110);
  fake.pod().shared_cgroup = true;
  EXPECT_EQ(PodsCpu(fake), 550000u);
  fake.pod().containers.erase(fake.pod().containers.begin());
  EXPECT_EQ(PodsCpu(fake), 550000u) << "removed, but not forgotten yet";
  fake.Forget("c1");
  EXPECT_EQ(PodsCpu(fake), 550000u);
  fake.SetUsage("/c2", 60, 110);
  v1::PodSandboxStats stats = fake.sampler().StatsOf(fake.pod());
  EXPECT_EQ(stats.linux().cpu().usage_core_nano_seconds().value(), 560000u);
  EXPECT_EQ(stats.linux().memory().page_faults().value(), 6u);
  EXPECT_EQ(stats.linux().memory().usage_bytes().value(), 110u);
}

TEST(SamplerTest, RemovedContainerIsNotCountedTwiceByAnOlderList) {
  FakePod fake;
  fake.AddContainer("c2");
  fake.SetUsage("/c1", 500, 100);
  fake.SetUsage("/c2", 50, 110);
  fake.pod().shared_cgroup = true;
  EXPECT_EQ(PodsCpu(fake), 550000u);
  fake.RemoveContainer("c1");
  EXPECT_EQ(PodsCpu(fake), 550000u);
  fake.pod().containers.erase(fake.pod().containers.begin());
  EXPECT_EQ(PodsCpu(fake), 550000u);
}

TEST(SamplerTest, CountersDoNotGoBackWhenAnotherPodJoinsTheCgroup) {
  FakePod fake;
  fake.SetUsage("", 900, 300);
  fake.SetUsage("/c1", 500, 100);
  EXPECT_EQ(PodsCpu(fake), 900000u);
  fake.pod().shared_cgroup = true;
  EXPECT_EQ(PodsCpu(fake), 900000u);
  fake.SetUsage("/c1", 600, 100);
  EXPECT_EQ(PodsCpu(fake), 1000000u);
  fake.SetUsage("", 5000, 300);
  fake.pod().shared_cgroup = false;
  EXPECT_EQ(PodsCpu(fake), 1000000u) << "the other one's are not its own";
}

TEST(SamplerTest, HostsNetworkIsNotThePods) {
  FakePod fake;
  fake.pod()
      .sandbox->config.mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_network(v1::NODE);
  EXPECT_FALSE(fake.sampler().StatsOf(fake.pod()).linux().has_network());
}

// What lies at the path by then is not looked at.
TEST(SamplerTest, AnotherReadingIsOfTheFilesThatWereOpened) {
  FakePod fake;
  fake.SetUsage("/c1", 500, 100);
  fake.sampler().StatsOf(fake.container());
  const std::string path = fake.dir() / "cgroup/kubepods/pod1/c1";
  const std::string aside = fake.dir() / "cgroup/kubepods/pod1/aside";
  ASSERT_EQ(rename(path.c_str(), aside.c_str()), 0);
  fake.SetUsage("/c1", 1, 1);
  fake.SetUsage("/aside", 700, 120);
  const v1::ContainerStats stats = fake.sampler().StatsOf(fake.container());
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 700000u);
  EXPECT_EQ(stats.memory().usage_bytes().value(), 120u);
}

TEST(SamplerTest, ForgetClosesFiles) {
  FakePod fake;
  EXPECT_EQ(fake.sampler().Kept(), 0u);
  fake.SetUsage("/c1", 1, 1);
  fake.sampler().StatsOf(fake.pod());
  EXPECT_EQ(fake.sampler().Kept(), 2u);
  fake.Forget("c1");
  fake.Forget("pod1");
  EXPECT_EQ(fake.sampler().Kept(), 0u);
}

TEST(SamplerTest, ListThatIsOlderThanARemovalKeepsNothing) {
  FakePod fake;
  fake.SetUsage("/c1", 500, 100);
  fake.sampler().StatsOf(fake.pod());
  fake.Remove();
  v1::PodSandboxStats stats = fake.sampler().StatsOf(fake.pod());
  EXPECT_EQ(stats.linux().containers_size(), 1);
  fake.sampler().MetricsOf(fake.pod());
  EXPECT_EQ(fake.sampler().Kept(), 0u);
}

}  // namespace
}  // namespace cri::stats
