// SPDX-License-Identifier: Apache-2.0
// The table of metric families, and of it what a cgroup and its processes tell.
// Only data and how to read it.
#include "cri/stats/families.h"

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;
using runtime::cgroup::Pressure;

using R = const ContainerReading&;
using P = const PodReading&;

constexpr uint64_t kNanos = 1000000000;
constexpr uint64_t kMicros = 1000000;

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
    for (auto part :
         {ProcessorFamilies, MemoryFamilies, internal::DiskFamilies,
          ProcessFamilies, internal::NetworkFamilies, PressureFamilies}) {
      for (Family& family : part()) all->push_back(std::move(family));
    }
    return all;
  }();
  return *kFamilies;
}

}  // namespace cri::stats
