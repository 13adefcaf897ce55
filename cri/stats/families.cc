// SPDX-License-Identifier: Apache-2.0
// The table of metric families. Only data and how to read it.
#include "absl/strings/str_cat.h"
#include "cri/stats/devices.h"
#include "cri/stats/metrics.h"

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;
using runtime::cgroup::DeviceIo;
using runtime::cgroup::Pressure;

using R = const ContainerReading&;
using P = const PodReading&;

constexpr uint64_t kNanos = 1000000000;
constexpr uint64_t kMicros = 1000000;

// What the kernel counted, or zero for the layer's own device: it has counted
// nothing yet.
std::vector<DeviceIo> IoOf(R r) {
  if (!r.details.io.empty()) return r.details.io;
  DeviceIo idle;
  idle.major = r.device_major;
  idle.minor = r.device_minor;
  return {idle};
}

std::string LayerDevice(R r) {
  return DeviceName(r.device_major, r.device_minor);
}

void AddIo(R r, uint64_t DeviceIo::*value, Series& s) {
  for (const DeviceIo& io : IoOf(r)) {
    s.Add(io.*value, {DeviceName(io.major, io.minor)});
  }
}

void AddDeviceUsage(R r, Series& s) {
  for (const DeviceIo& io : IoOf(r)) {
    const std::string device = DeviceName(io.major, io.minor);
    const std::string major = absl::StrCat(io.major);
    const std::string minor = absl::StrCat(io.minor);
    s.Add(io.read_bytes, {device, major, minor, "Read"});
    s.Add(io.written_bytes, {device, major, minor, "Write"});
  }
}

void AddFaults(R r, Series& s) {
  const runtime::cgroup::Usage& usage = r.sample.usage;
  s.Add(usage.own_page_faults, {"pgfault", "container"});
  s.Add(usage.own_major_page_faults, {"pgmajfault", "container"});
  s.Add(usage.page_faults, {"pgfault", "hierarchy"});
  s.Add(usage.major_page_faults, {"pgmajfault", "hierarchy"});
}

void AddPressure(const std::optional<Pressure>& pressure,
                 Pressure::Line Pressure::*line, Series& s) {
  if (pressure.has_value()) s.Add(((*pressure).*line).total_us / kMicros);
}

void AddTraffic(P p, Interface::Traffic Interface::*way,
                uint64_t Interface::Traffic::*value, Series& s) {
  for (const Interface& interface : p.interfaces) {
    s.Add((interface.*way).*value, {interface.name});
  }
}

uint64_t Limit(int64_t bytes) {
  return bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
}

uint64_t OrDefault(int64_t value, uint64_t fallback) {
  return value > 0 ? static_cast<uint64_t>(value) : fallback;
}

std::vector<Family> ProcessorFamilies() {
  return {
      {"container_cpu_usage_seconds_total",
       v1::COUNTER,
       "Processor time used.",
       {"cpu"},
       [](R r, Series& s) {
         s.Add(r.sample.usage.cpu_ns / kNanos, {"total"});
       }},
      {"container_cpu_user_seconds_total",
       v1::COUNTER,
       "Processor time used outside the kernel.",
       {},
       [](R r, Series& s) { s.Add(r.details.user_ns / kNanos); }},
      {"container_cpu_system_seconds_total",
       v1::COUNTER,
       "Processor time used in the kernel.",
       {},
       [](R r, Series& s) { s.Add(r.details.system_ns / kNanos); }},
      {"container_cpu_cfs_periods_total",
       v1::COUNTER,
       "Enforcement periods that have passed.",
       {},
       [](R r, Series& s) { s.Add(r.details.periods); }},
      {"container_cpu_cfs_throttled_periods_total",
       v1::COUNTER,
       "Periods in which the quota ran out.",
       {},
       [](R r, Series& s) { s.Add(r.details.throttled_periods); }},
      {"container_cpu_cfs_throttled_seconds_total",
       v1::COUNTER,
       "Time spent waiting for the next period.",
       {},
       [](R r, Series& s) { s.Add(r.details.throttled_ns / kNanos); }},
      {"container_spec_cpu_period",
       v1::GAUGE,
       "Enforcement period in microseconds.",
       {},
       [](R r, Series& s) {
         s.Add(OrDefault(r.resources.cpu_period(), 100000));
       }},
      {"container_spec_cpu_shares",
       v1::GAUGE,
       "Relative weight; 1024 is one core's.",
       {},
       [](R r, Series& s) {
         s.Add(OrDefault(r.resources.cpu_shares(), 1024));
       }},
  };
}

std::vector<Family> MemoryFamilies() {
  return {
      {"container_memory_usage_bytes",
       v1::GAUGE,
       "Memory in use, page cache included.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.memory); }},
      {"container_memory_working_set_bytes",
       v1::GAUGE,
       "Memory in use less file pages that are easy to drop.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.working_set); }},
      {"container_memory_rss",
       v1::GAUGE,
       "Anonymous memory.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.rss); }},
      {"container_memory_cache",
       v1::GAUGE,
       "Page cache.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.cache); }},
      {"container_memory_mapped_file",
       v1::GAUGE,
       "Mapped files.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.mapped_file); }},
      {"container_memory_swap",
       v1::GAUGE,
       "Memory swapped out.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.swap); }},
      {"container_memory_kernel_usage",
       v1::GAUGE,
       "Memory that the kernel uses for the container.",
       {},
       [](R r, Series& s) { s.Add(r.details.kernel_memory); }},
      {"container_memory_max_usage_bytes",
       v1::GAUGE,
       "Largest usage so far; 0 where the kernel does not keep it.",
       {},
       [](R r, Series& s) { s.Add(r.details.memory_peak); }},
      {"container_memory_failcnt",
       v1::COUNTER,
       "How often the memory limit was reached.",
       {},
       [](R r, Series& s) { s.Add(r.details.limit_hits); }},
      {"container_memory_failures_total",
       v1::COUNTER,
       "Page faults.",
       {"failure_type", "scope"},
       AddFaults},
      {"container_oom_events_total",
       v1::COUNTER,
       "Processes killed for lack of memory.",
       {},
       [](R r, Series& s) { s.Add(r.details.oom_kills); }},
      {"container_spec_memory_limit_bytes",
       v1::GAUGE,
       "Memory limit; 0 is none.",
       {},
       [](R r, Series& s) {
         s.Add(Limit(r.resources.memory_limit_in_bytes()));
       }},
      {"container_spec_memory_swap_limit_bytes",
       v1::GAUGE,
       "Limit of memory and swap together; 0 is none.",
       {},
       [](R r, Series& s) {
         s.Add(Limit(r.resources.memory_swap_limit_in_bytes()));
       }},
  };
}

std::vector<Family> DiskFamilies() {
  return {
      {"container_blkio_device_usage_total",
       v1::COUNTER,
       "Bytes read from and written to block devices.",
       {"device", "major", "minor", "operation"},
       AddDeviceUsage},
      {"container_fs_reads_total",
       v1::COUNTER,
       "Reads from block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::reads, s); }},
      {"container_fs_reads_bytes_total",
       v1::COUNTER,
       "Bytes read from block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::read_bytes, s); }},
      {"container_fs_writes_total",
       v1::COUNTER,
       "Writes to block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::writes, s); }},
      {"container_fs_writes_bytes_total",
       v1::COUNTER,
       "Bytes written to block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::written_bytes, s); }},
      {"container_fs_usage_bytes",
       v1::GAUGE,
       "Size of the writable layer.",
       {"device"},
       [](R r, Series& s) {
         if (r.layer.has_value()) s.Add(r.layer->usage.bytes, {LayerDevice(r)});
       }},
      {"container_fs_limit_bytes",
       v1::GAUGE,
       "Size of the file system of the writable layer.",
       {"device"},
       [](R r, Series& s) {
         s.Add(r.filesystem.f_blocks * r.filesystem.f_frsize, {LayerDevice(r)});
       }},
      {"container_fs_inodes_total",
       v1::GAUGE,
       "Inodes of that file system.",
       {"device"},
       [](R r, Series& s) { s.Add(r.filesystem.f_files, {LayerDevice(r)}); }},
      {"container_fs_inodes_free",
       v1::GAUGE,
       "Free inodes of that file system.",
       {"device"},
       [](R r, Series& s) { s.Add(r.filesystem.f_ffree, {LayerDevice(r)}); }},
  };
}

std::vector<Family> ProcessFamilies() {
  return {
      {"container_processes",
       v1::GAUGE,
       "Running processes.",
       {},
       [](R r, Series& s) { s.Add(r.details.processes.size()); }},
      {"container_threads",
       v1::GAUGE,
       "Running threads.",
       {},
       [](R r, Series& s) { s.Add(r.sample.usage.tasks.value_or(0)); }},
      {"container_threads_max",
       v1::GAUGE,
       "Most threads allowed; 0 is no limit.",
       {},
       [](R r, Series& s) { s.Add(r.details.tasks_limit); }},
      {"container_file_descriptors",
       v1::GAUGE,
       "Open file descriptors.",
       {},
       [](R r, Series& s) { s.Add(r.descriptors); }},
      {"container_sockets",
       v1::GAUGE,
       "Sockets of the pod's network namespace.",
       {},
       nullptr,
       [](P p, Series& s) { s.Add(p.sockets); }},
      {"container_start_time_seconds",
       v1::GAUGE,
       "Unix time of the container's start.",
       {},
       [](R r, Series& s) {
         s.Add(static_cast<uint64_t>(absl::ToUnixSeconds(r.state.started_at)));
       }},
      {"container_last_seen",
       v1::GAUGE,
       "Unix time of this reading.",
       {},
       [](R r, Series& s) {
         s.Add(static_cast<uint64_t>(absl::ToUnixSeconds(r.sample.at)));
       }},
  };
}

#define CORACLE_TRAFFIC(Way, Member) \
  [](P p, Series& s) { AddTraffic(p, Way, &Interface::Traffic::Member, s); }

std::vector<Family> NetworkFamilies() {
  constexpr auto kIn = &Interface::received;
  constexpr auto kOut = &Interface::sent;
  return {
      {"container_network_receive_bytes_total",
       v1::COUNTER,
       "Bytes received.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, bytes)},
      {"container_network_receive_packets_total",
       v1::COUNTER,
       "Packets received.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, packets)},
      {"container_network_receive_errors_total",
       v1::COUNTER,
       "Errors in receiving.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, errors)},
      {"container_network_receive_packets_dropped_total",
       v1::COUNTER,
       "Received packets that were dropped.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, dropped)},
      {"container_network_transmit_bytes_total",
       v1::COUNTER,
       "Bytes sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, bytes)},
      {"container_network_transmit_packets_total",
       v1::COUNTER,
       "Packets sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, packets)},
      {"container_network_transmit_errors_total",
       v1::COUNTER,
       "Errors in sending.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, errors)},
      {"container_network_transmit_packets_dropped_total",
       v1::COUNTER,
       "Packets dropped instead of sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, dropped)},
  };
}

#define CORACLE_PRESSURE(Resource, Line)                                 \
  [](R r, Series& s) {                                                   \
    AddPressure(r.sample.usage.Resource##_pressure, &Pressure::Line, s); \
  },                                                                     \
      nullptr, true

std::vector<Family> PressureFamilies() {
  return {
      {"container_pressure_cpu_waiting_seconds_total",
       v1::COUNTER,
       "Time in which some task waited for a processor.",
       {},
       CORACLE_PRESSURE(cpu, some)},
      {"container_pressure_cpu_stalled_seconds_total",
       v1::COUNTER,
       "Time in which all tasks waited for a processor.",
       {},
       CORACLE_PRESSURE(cpu, full)},
      {"container_pressure_memory_waiting_seconds_total",
       v1::COUNTER,
       "Time in which some task waited for memory.",
       {},
       CORACLE_PRESSURE(memory, some)},
      {"container_pressure_memory_stalled_seconds_total",
       v1::COUNTER,
       "Time in which all tasks waited for memory.",
       {},
       CORACLE_PRESSURE(memory, full)},
      {"container_pressure_io_waiting_seconds_total",
       v1::COUNTER,
       "Time in which some task waited for a disk.",
       {},
       CORACLE_PRESSURE(io, some)},
      {"container_pressure_io_stalled_seconds_total",
       v1::COUNTER,
       "Time in which all tasks waited for a disk.",
       {},
       CORACLE_PRESSURE(io, full)},
  };
}

}  // namespace

const std::vector<Family>& Families() {
  static const auto* const kFamilies = [] {
    auto* all = new std::vector<Family>;
    for (auto part : {ProcessorFamilies, MemoryFamilies, DiskFamilies,
                      ProcessFamilies, NetworkFamilies, PressureFamilies}) {
      for (Family& family : part()) all->push_back(std::move(family));
    }
    return all;
  }();
  return *kFamilies;
}

}  // namespace cri::stats
