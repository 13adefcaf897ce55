// SPDX-License-Identifier: Apache-2.0
#include "agent/server/resource_metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Usage Used(uint64_t cpu_ns, uint64_t memory) {
  Usage usage;
  usage.at = absl::FromUnixMillis(1234567);
  usage.cpu_ns = cpu_ns;
  usage.working_set_bytes = memory;
  return usage;
}

runtime::Json RunningPod() {
  return {
      {"metadata", {{"name", "web"}, {"namespace", "n"}, {"uid", "u"}}},
      {"status",
       {{"containerStatuses",
         {{{"name", "main"},
           {"containerID", "coracle://c1"},
           {"state", {{"running", {{"startedAt", "1970-01-01T00:01:40Z"}}}}}},
          {{"name", "done"},
           {"containerID", "coracle://c2"},
           {"state", {{"terminated", {{"exitCode", 0}}}}}}}}}}};
}

std::vector<PodUsage> UsageOfPod() {
  PodUsage old, now;
  old.uid = now.uid = "u";
  old.usage = Used(1, 1);
  now.attempt = 1;
  now.usage = Used(3000000000, 200);
  now.containers = {{"c1", Used(2500000000, 100)}, {"c2", Used(9, 9)}};
  now.containers[0].usage.swap_bytes = 7;
  return {now, old};
}

TEST(ResourceMetricsTest, TellsNodePodsAndRunningContainersWithTheirTimes) {
  std::string text =
      ResourceMetricsText(Used(8000000000, 300), UsageOfPod(), {RunningPod()});
  for (const char* line :
       {"# TYPE node_cpu_usage_seconds_total counter\n"
        "node_cpu_usage_seconds_total 8 1234567\n",
        "node_memory_working_set_bytes 300 1234567\n",
        "pod_cpu_usage_seconds_total{namespace=\"n\",pod=\"web\"} 3 1234567\n",
        "container_cpu_usage_seconds_total{container=\"main\",namespace=\"n\","
        "pod=\"web\"} 2.5 1234567\n",
        "container_memory_working_set_bytes{container=\"main\","
        "namespace=\"n\",pod=\"web\"} 100 1234567\n",
        "container_swap_usage_bytes{container=\"main\",namespace=\"n\","
        "pod=\"web\"} 7 1234567\n",
        "container_start_time_seconds{container=\"main\",namespace=\"n\","
        "pod=\"web\"} 100\n",
        "resource_scrape_error 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("done")));
  EXPECT_THAT(text, Not(HasSubstr("pod_swap")));
}

TEST(ResourceMetricsTest, ErrorsAreCountedAndTheRestIsTold) {
  std::string text = ResourceMetricsText(
      Used(1000000000, 2), absl::UnavailableError("gone"), {RunningPod()});
  EXPECT_THAT(text, HasSubstr("resource_scrape_error 1\n"));
  EXPECT_THAT(text, HasSubstr("node_cpu_usage_seconds_total 1 "));
  EXPECT_THAT(text, Not(HasSubstr("container_")));
}

TEST(ResourceMetricsTest, PodsThatDoNotRunAreLeftOut) {
  runtime::Json pod = RunningPod();
  pod["status"] = runtime::Json::object();
  std::string text = ResourceMetricsText(Used(1, 1), UsageOfPod(), {pod});
  EXPECT_THAT(text, Not(HasSubstr("pod_cpu")));
}

TEST(NodeUsageTest, IsReadFromTheMachine) {
  absl::StatusOr<Usage> usage = NodeUsage();
  ASSERT_TRUE(usage.ok());
  EXPECT_GT(usage->cpu_ns, 0u);
  EXPECT_GT(usage->working_set_bytes, 0u);
}

}  // namespace
}  // namespace agent::server
