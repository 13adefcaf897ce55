// SPDX-License-Identifier: Apache-2.0
// Which of the values that were read each metric tells.
#include "cri/stats/families.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cri/stats/devices.h"
#include "cri/stats/metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cri::stats {
namespace {

using ::testing::UnorderedElementsAreArray;

constexpr uint64_t kSecond = 1000000000;

runtime::cgroup::Pressure PressureOf(uint64_t some, uint64_t full) {
  runtime::cgroup::Pressure pressure;
  pressure.some.total_us = some * 1000000;
  pressure.full.total_us = full * 1000000;
  return pressure;
}

// A number of its own for each of the values.
ContainerReading Container() {
  ContainerReading reading;
  reading.state.started_at = absl::FromUnixSeconds(101);
  reading.sample.at = absl::FromUnixSeconds(102);
  reading.resources.set_cpu_period(103);
  reading.resources.set_cpu_shares(104);
  reading.resources.set_memory_limit_in_bytes(105);
  reading.resources.set_memory_swap_limit_in_bytes(106);
  runtime::cgroup::Usage& usage = reading.sample.usage;
  usage.cpu_ns = 201 * kSecond;
  usage.memory = 202;
  usage.working_set = 203;
  usage.rss = 204;
  usage.cache = 205;
  usage.mapped_file = 206;
  usage.swap = 207;
  usage.page_faults = 208;
  usage.major_page_faults = 209;
  usage.own_page_faults = 210;
  usage.own_major_page_faults = 211;
  usage.tasks = 212;
  usage.cpu_pressure = PressureOf(213, 214);
  usage.memory_pressure = PressureOf(215, 216);
  usage.io_pressure = PressureOf(217, 218);
  runtime::cgroup::Details& details = reading.details;
  details.user_ns = 301 * kSecond;
  details.system_ns = 302 * kSecond;
  details.periods = 303;
  details.throttled_periods = 304;
  details.throttled_ns = 305 * kSecond;
  details.memory_peak = 306;
  details.kernel_memory = 307;
  details.limit_hits = 308;
  details.oom_kills = 309;
  details.tasks_limit = 310;
  details.io = {{1, 3, 311, 312, 313, 314}};
  details.processes = {1, 2, 3};
  reading.layer = LayerUsage::Known();
  reading.layer->usage.bytes = 401;
  reading.filesystem.f_blocks = 2;
  reading.filesystem.f_frsize = 201;
  reading.filesystem.f_files = 403;
  reading.filesystem.f_ffree = 404;
  reading.descriptors = 405;
  return reading;
}

PodReading Pod() {
  PodReading reading;
  reading.interfaces = {{"eth0", {501, 502, 503, 504}, {505, 506, 507, 508}},
                        {"eth1", {511, 512, 513, 514}, {515, 516, 517, 518}}};
  reading.sockets = 509;
  return reading;
}

// "name{own labels} value" of all series, without "container_". Devices have
// numbers there, as their names are the machine's.
std::vector<std::string> Told() {
  const ContainerReading container = Container();
  const PodReading pod = Pod();
  google::protobuf::RepeatedPtrField<runtime::v1::Metric> metrics;
  Series series({}, absl::Now(), metrics);
  for (const Family& family : Families()) {
    series.Begin(family.name, family.type);
    if (family.of_container != nullptr) family.of_container(container, series);
    if (family.of_pod != nullptr) family.of_pod(pod, series);
  }
  std::vector<std::string> told;
  for (const runtime::v1::Metric& metric : metrics) {
    std::vector<std::string> labels(metric.label_values().begin(),
                                    metric.label_values().end());
    std::replace(labels.begin(), labels.end(), DeviceName(1, 3),
                 std::string("disk"));
    std::replace(labels.begin(), labels.end(), DeviceName(0, 0),
                 std::string("layer"));
    told.push_back(absl::StrCat(metric.name().substr(sizeof "container_" - 1),
                                "{", absl::StrJoin(labels, ","), "} ",
                                metric.value().value()));
  }
  return told;
}

constexpr const char* kExpected[] = {
    "cpu_usage_seconds_total{total} 201",
    "cpu_user_seconds_total{} 301",
    "cpu_system_seconds_total{} 302",
    "cpu_cfs_periods_total{} 303",
    "cpu_cfs_throttled_periods_total{} 304",
    "cpu_cfs_throttled_seconds_total{} 305",
    "spec_cpu_period{} 103",
    "spec_cpu_shares{} 104",
    "memory_usage_bytes{} 202",
    "memory_working_set_bytes{} 203",
    "memory_rss{} 204",
    "memory_cache{} 205",
    "memory_mapped_file{} 206",
    "memory_swap{} 207",
    "memory_kernel_usage{} 307",
    "memory_max_usage_bytes{} 306",
    "memory_failcnt{} 308",
    "memory_failures_total{pgfault,container} 210",
    "memory_failures_total{pgmajfault,container} 211",
    "memory_failures_total{pgfault,hierarchy} 208",
    "memory_failures_total{pgmajfault,hierarchy} 209",
    "oom_events_total{} 309",
    "spec_memory_limit_bytes{} 105",
    "spec_memory_swap_limit_bytes{} 106",
    "blkio_device_usage_total{disk,1,3,Read} 311",
    "blkio_device_usage_total{disk,1,3,Write} 312",
    "fs_reads_total{disk} 313",
    "fs_reads_bytes_total{disk} 311",
    "fs_writes_total{disk} 314",
    "fs_writes_bytes_total{disk} 312",
    "fs_usage_bytes{layer} 401",
    "fs_limit_bytes{layer} 402",
    "fs_inodes_total{layer} 403",
    "fs_inodes_free{layer} 404",
    "processes{} 3",
    "threads{} 212",
    "threads_max{} 310",
    "file_descriptors{} 405",
    "sockets{} 509",
    "start_time_seconds{} 101",
    "last_seen{} 102",
    "network_receive_bytes_total{eth0} 501",
    "network_receive_bytes_total{eth1} 511",
    "network_receive_packets_total{eth0} 502",
    "network_receive_packets_total{eth1} 512",
    "network_receive_errors_total{eth0} 503",
    "network_receive_errors_total{eth1} 513",
    "network_receive_packets_dropped_total{eth0} 504",
    "network_receive_packets_dropped_total{eth1} 514",
    "network_transmit_bytes_total{eth0} 505",
    "network_transmit_bytes_total{eth1} 515",
    "network_transmit_packets_total{eth0} 506",
    "network_transmit_packets_total{eth1} 516",
    "network_transmit_errors_total{eth0} 507",
    "network_transmit_errors_total{eth1} 517",
    "network_transmit_packets_dropped_total{eth0} 508",
    "network_transmit_packets_dropped_total{eth1} 518",
    "pressure_cpu_waiting_seconds_total{} 213",
    "pressure_cpu_stalled_seconds_total{} 214",
    "pressure_memory_waiting_seconds_total{} 215",
    "pressure_memory_stalled_seconds_total{} 216",
    "pressure_io_waiting_seconds_total{} 217",
    "pressure_io_stalled_seconds_total{} 218",
};

TEST(FamiliesTest, EachTellsItsOwnValue) {
  EXPECT_THAT(Told(), UnorderedElementsAreArray(kExpected));
}

}  // namespace
}  // namespace cri::stats
