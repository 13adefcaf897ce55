// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/metrics.h"

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cri/stats/fake_pod.h"

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;

// What a node's dashboards and critest expect, all with "container_" before.
constexpr const char* kRequired[] = {"blkio_device_usage_total",
                                     "cpu_cfs_periods_total",
                                     "cpu_cfs_throttled_periods_total",
                                     "cpu_cfs_throttled_seconds_total",
                                     "cpu_system_seconds_total",
                                     "cpu_usage_seconds_total",
                                     "cpu_user_seconds_total",
                                     "file_descriptors",
                                     "fs_inodes_free",
                                     "fs_inodes_total",
                                     "fs_limit_bytes",
                                     "fs_reads_bytes_total",
                                     "fs_reads_total",
                                     "fs_usage_bytes",
                                     "fs_writes_bytes_total",
                                     "fs_writes_total",
                                     "last_seen",
                                     "memory_cache",
                                     "memory_failcnt",
                                     "memory_failures_total",
                                     "memory_kernel_usage",
                                     "memory_mapped_file",
                                     "memory_max_usage_bytes",
                                     "memory_rss",
                                     "memory_swap",
                                     "memory_usage_bytes",
                                     "memory_working_set_bytes",
                                     "network_receive_bytes_total",
                                     "network_receive_errors_total",
                                     "network_receive_packets_dropped_total",
                                     "network_receive_packets_total",
                                     "network_transmit_bytes_total",
                                     "network_transmit_errors_total",
                                     "network_transmit_packets_dropped_total",
                                     "network_transmit_packets_total",
                                     "oom_events_total",
                                     "processes",
                                     "sockets",
                                     "spec_cpu_period",
                                     "spec_cpu_shares",
                                     "spec_memory_limit_bytes",
                                     "spec_memory_swap_limit_bytes",
                                     "start_time_seconds",
                                     "threads",
                                     "threads_max"};

std::map<std::string, v1::MetricDescriptor> ByName(bool has_pressure) {
  std::map<std::string, v1::MetricDescriptor> result;
  for (const v1::MetricDescriptor& one : Descriptors(has_pressure)) {
    EXPECT_TRUE(result.emplace(one.name(), one).second) << one.name();
  }
  return result;
}

TEST(DescriptorsTest, HoldAllThatAreRequiredAndNoOthers) {
  auto descriptors = ByName(false);
  for (const char* name : kRequired) {
    EXPECT_THAT(descriptors, Contains(Key(std::string("container_") + name)));
  }
  EXPECT_EQ(descriptors.size(), std::size(kRequired));
  EXPECT_EQ(ByName(true).size(), std::size(kRequired) + 6);
}

TEST(DescriptorsTest, HaveHelpAndLabels) {
  for (const auto& [name, descriptor] : ByName(true)) {
    EXPECT_NE(descriptor.help(), "") << name;
    EXPECT_GE(descriptor.label_keys_size(), 6) << name;
    std::set<std::string> keys(descriptor.label_keys().begin(),
                               descriptor.label_keys().end());
    EXPECT_EQ(keys.size(), size_t(descriptor.label_keys_size())) << name;
  }
}

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    for (const char* name : {"cpu", "memory", "io"}) {
      fake_.Write("/c1", std::string(name) + ".pressure",
                  "some avg10=0 avg60=0 avg300=0 total=5000000\n"
                  "full avg10=0 avg60=0 avg300=0 total=3000000\n");
    }
    fake_.SetUsage("/c1", 7000000, 300);
    fake_.Write("/c1", "memory.events", "max 4\noom_kill 2\n");
    v1::PodSandboxMetrics metrics = fake_.sampler().MetricsOf(fake_.pod());
    EXPECT_EQ(metrics.pod_sandbox_id(), "pod1");
    EXPECT_EQ(metrics.container_metrics_size(), 1);
    EXPECT_EQ(metrics.container_metrics(0).container_id(), "c1");
    for (const auto& one : metrics.metrics()) Add(one);
    for (const auto& one : metrics.container_metrics(0).metrics()) Add(one);
  }

  void Add(const v1::Metric& metric) { found_.emplace(metric.name(), metric); }
  uint64_t Value(const std::string& name) {
    auto it = found_.find("container_" + name);
    return it == found_.end() ? ~uint64_t{0} : it->second.value().value();
  }

  FakePod fake_;
  std::multimap<std::string, v1::Metric> found_;
};

TEST_F(MetricsTest, EveryDescriptorHasValuesWithItsLabels) {
  PodProc here(getpid());
  for (const auto& [name, descriptor] : ByName(true)) {
    // Without interfaces there is nothing to count.
    if (here.Read().empty() && name.find("_network_") != std::string::npos) {
      continue;
    }
    EXPECT_THAT(found_, Contains(Key(name)));
    auto [begin, end] = found_.equal_range(name);
    for (auto it = begin; it != end; ++it) {
      EXPECT_EQ(it->second.label_values_size(), descriptor.label_keys_size())
          << name;
      EXPECT_GT(it->second.timestamp(), 0) << name;
    }
  }
  for (const auto& [name, metric] : found_) {
    EXPECT_THAT(ByName(true), Contains(Key(name)));
  }
}

TEST_F(MetricsTest, ValuesAreWhatWasRead) {
  EXPECT_EQ(Value("cpu_usage_seconds_total"), 7u);
  EXPECT_EQ(Value("memory_usage_bytes"), 300u);
  EXPECT_EQ(Value("memory_working_set_bytes"), 290u);
  EXPECT_EQ(Value("memory_failcnt"), 4u);
  EXPECT_EQ(Value("oom_events_total"), 2u);
  EXPECT_EQ(Value("start_time_seconds"), 1234u);
  EXPECT_EQ(Value("processes"), 1u);
  EXPECT_EQ(Value("threads"), 4u);
  EXPECT_EQ(Value("spec_cpu_shares"), 1024u);
  EXPECT_EQ(Value("pressure_cpu_waiting_seconds_total"), 5u);
  EXPECT_EQ(Value("pressure_io_stalled_seconds_total"), 3u);
  EXPECT_GT(Value("file_descriptors"), 2u);
  EXPECT_GT(Value("fs_limit_bytes"), 0u);
  EXPECT_EQ(found_.count("container_memory_failures_total"), 4u);
}

TEST_F(MetricsTest, LabelsNameThePod) {
  auto it = found_.find("container_memory_rss");
  ASSERT_NE(it, found_.end());
  EXPECT_THAT(it->second.label_values(),
              ElementsAre("main", "/kubepods/pod1/c1", "busybox:1", "c1",
                          "default", "web"));
  EXPECT_EQ(it->second.metric_type(), v1::GAUGE);
}

}  // namespace
}  // namespace cri::stats
