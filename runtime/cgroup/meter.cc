// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/meter_parse.h"
#include "runtime/cgroup/processes.h"

namespace runtime::cgroup {
namespace {

// The longest files are lists of processes and of devices.
constexpr size_t kFirstBytes = 16 << 10;
constexpr size_t kMostBytes = 4 << 20;
constexpr ssize_t kPieceBytes = 2048;

// v1 says "no limit" with the largest number of whole pages.
constexpr uint64_t kUnlimited = uint64_t{1} << 62;

std::atomic<uint64_t> kept_files{0};

uint64_t MostKeptFiles() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 0;
}

}  // namespace

KeptFile::~KeptFile() {
  if (fd_.ok()) --kept_files;
}

absl::string_view KeptFile::Read(std::string& buffer, int* error) {
  int ignored;
  if (error == nullptr) error = &ignored;
  *error = ENOENT;
  UniqueFd once;
  int fd = fd_.get();
  if (!fd_.ok()) {
    if (path_.empty()) return "";
    once.reset(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!once.ok()) {
      *error = errno;
      return "";
    }
    fd = once.get();
    if (kept_files.load() < MostKeptFiles()) {
      ++kept_files;
      fd_ = std::move(once);
      std::string().swap(path_);
    }
  }
  if (buffer.size() < kFirstBytes) buffer.resize(kFirstBytes);
  size_t size = 0;
  while (true) {
    ssize_t got = pread(fd, &buffer[size], buffer.size() - size,
                        static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      *error = errno;
      return "";
    }
    size += static_cast<size_t>(got);
    // Lists come in pieces of nearly a page each, all else comes at once.
    if (got < kPieceBytes || size >= kMostBytes) break;
    if (buffer.size() - size < kFirstBytes) buffer.resize(buffer.size() * 2);
  }
  *error = 0;
  return absl::string_view(buffer.data(), size);
}

Meter::Meter(const Layout& layout, const std::string& path)
    : v2_(layout.v2), path_(path) {
  if (v2_) {
    PlaceV2(JoinPath(layout.hierarchies[0].mount_point, path));
  } else {
    PlaceV1(layout, path);
  }
}

void Meter::PlaceV1(const Layout& layout, const std::string& path) {
  auto place = [&](File file, const char* controller, const char* name) {
    const Hierarchy* hierarchy = layout.Find(controller);
    if (hierarchy == nullptr) return;
    files_[file].Place(
        absl::StrCat(JoinPath(hierarchy->mount_point, path), "/", name));
  };
  place(kCpu, "cpuacct", "cpuacct.usage");
  place(kCpuTimes, "cpuacct", "cpuacct.stat");
  place(kCpuStat, "cpu", "cpu.stat");
  place(kMemory, "memory", "memory.usage_in_bytes");
  place(kMemoryStat, "memory", "memory.stat");
  place(kMemoryLimit, "memory", "memory.limit_in_bytes");
  place(kSwapLimit, "memory", "memory.memsw.limit_in_bytes");
  place(kMemoryPeak, "memory", "memory.max_usage_in_bytes");
  place(kMemoryFailures, "memory", "memory.failcnt");
  place(kMemoryEvents, "memory", "memory.oom_control");
  place(kKernelMemory, "memory", "memory.kmem.usage_in_bytes");
  place(kTasks, "pids", "pids.current");
  place(kTasksLimit, "pids", "pids.max");
  place(kProcesses, "pids", "cgroup.procs");
  if (const Hierarchy* pids = layout.Find("pids"); pids != nullptr) {
    processes_directory_ = JoinPath(pids->mount_point, path);
  }
  place(kIoBytes, "blkio", "blkio.throttle.io_service_bytes_recursive");
  place(kIoCounts, "blkio", "blkio.throttle.io_serviced_recursive");
  // The kernel keeps pressure for the v2 hierarchy only, of hybrid hosts too.
  if (const Hierarchy* unified = layout.Unified()) {
    PlacePressure(JoinPath(unified->mount_point, path));
  }
}

void Meter::PlaceV2(const std::string& directory) {
  const std::pair<File, const char*> places[] = {
      {kCpu, "cpu.stat"},
      {kMemory, "memory.current"},
      {kMemoryStat, "memory.stat"},
      {kMemoryLimit, "memory.max"},
      {kSwap, "memory.swap.current"},
      {kSwapLimit, "memory.swap.max"},
      {kMemoryPeak, "memory.peak"},
      {kMemoryEvents, "memory.events"},
      {kTasks, "pids.current"},
      {kTasksLimit, "pids.max"},
      {kProcesses, "cgroup.procs"},
      {kIoBytes, "io.stat"}};
  for (const auto& [file, name] : places) {
    files_[file].Place(absl::StrCat(directory, "/", name));
  }
  processes_directory_ = directory;
  PlacePressure(directory);
}

void Meter::PlacePressure(const std::string& directory) {
  files_[kCpuPressure].Place(directory + "/cpu.pressure");
  files_[kMemoryPressure].Place(directory + "/memory.pressure");
  files_[kIoPressure].Place(directory + "/io.pressure");
}

uint64_t Meter::Number(File file) {
  uint64_t number = 0;
  (void)absl::SimpleAtoi(absl::StripAsciiWhitespace(Text(file)), &number);
  return number;
}

std::optional<uint64_t> Meter::Limit(File file) {
  uint64_t number;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(Text(file)), &number) ||
      number >= kUnlimited) {
    return std::nullopt;
  }
  return number;
}

std::optional<Pressure> Meter::PressureOf(File file) {
  return ParsePressure(Text(file));
}

absl::StatusOr<Usage> Meter::Read() {
  absl::StatusOr<Usage> usage = ReadUsage();
  std::string().swap(buffer_);
  return usage;
}

absl::StatusOr<Details> Meter::ReadDetails() {
  absl::StatusOr<Details> details = ReadMore();
  std::string().swap(buffer_);
  return details;
}

absl::StatusOr<Usage> Meter::ReadUsage() {
  int error = 0;
  absl::string_view cpu = files_[kCpu].Read(buffer_, &error);
  if (error == ENOENT || error == ENODEV) {
    return absl::NotFoundError(
        absl::StrCat("cgroup ", path_, ": is gone, or has no processor time"));
  }
  if (error != 0)
    return ErrnoStatus(error, absl::StrCat("read cgroup ", path_));
  Usage usage;
  if (v2_) {
    usage.cpu_ns = Field(cpu, "usage_usec") * 1000;
  } else {
    (void)absl::SimpleAtoi(absl::StripAsciiWhitespace(cpu), &usage.cpu_ns);
  }
  usage.memory = Number(kMemory);
  usage.memory_limit = Limit(kMemoryLimit);
  ReadMemoryStat(usage);
  uint64_t tasks;
  if (absl::SimpleAtoi(absl::StripAsciiWhitespace(Text(kTasks)), &tasks)) {
    usage.tasks = tasks;
  }
  usage.cpu_pressure = PressureOf(kCpuPressure);
  usage.memory_pressure = PressureOf(kMemoryPressure);
  usage.io_pressure = PressureOf(kIoPressure);
  return usage;
}

void Meter::ReadMemoryStat(Usage& usage) {
  absl::string_view text = Text(kMemoryStat);
  uint64_t inactive_file = 0;
  if (v2_) {
    inactive_file = Field(text, "inactive_file");
    usage.rss = Field(text, "anon");
    usage.cache = Field(text, "file");
    usage.mapped_file = Field(text, "file_mapped");
    usage.shmem = Field(text, "shmem");
    usage.own_page_faults = usage.page_faults = Field(text, "pgfault");
    usage.own_major_page_faults = usage.major_page_faults =
        Field(text, "pgmajfault");
    usage.swap = Number(kSwap);
    usage.swap_limit = Limit(kSwapLimit);
  } else {
    inactive_file = Field(text, "total_inactive_file");
    usage.rss = Field(text, "total_rss");
    usage.cache = Field(text, "total_cache");
    usage.mapped_file = Field(text, "total_mapped_file");
    usage.shmem = Field(text, "total_shmem");
    usage.page_faults = Field(text, "total_pgfault");
    usage.major_page_faults = Field(text, "total_pgmajfault");
    usage.own_page_faults = Field(text, "pgfault");
    usage.own_major_page_faults = Field(text, "pgmajfault");
    usage.swap = Field(text, "total_swap");
    // v1 limits memory and swap together.
    std::optional<uint64_t> both = Limit(kSwapLimit);
    if (both.has_value() && usage.memory_limit.has_value()) {
      usage.swap_limit = *both - std::min(*both, *usage.memory_limit);
    }
  }
  usage.working_set = usage.memory - std::min(usage.memory, inactive_file);
}

absl::StatusOr<Details> Meter::ReadMore() {
  int error = 0;
  absl::string_view cpu = files_[kCpu].Read(buffer_, &error);
  if (error != 0)
    return ErrnoStatus(error, absl::StrCat("read cgroup ", path_));
  Details details;
  if (v2_) {
    details.user_ns = Field(cpu, "user_usec") * 1000;
    details.system_ns = Field(cpu, "system_usec") * 1000;
    details.periods = Field(cpu, "nr_periods");
    details.throttled_periods = Field(cpu, "nr_throttled");
    details.throttled_ns = Field(cpu, "throttled_usec") * 1000;
    absl::string_view events = Text(kMemoryEvents);
    details.limit_hits = Field(events, "max");
    details.oom_kills = Field(events, "oom_kill");
    details.kernel_memory = Field(Text(kMemoryStat), "kernel");
    details.io = ParseIoStat(Text(kIoBytes));
  } else {
    const uint64_t tick_ns =
        1000000000 / static_cast<uint64_t>(std::max(1L, sysconf(_SC_CLK_TCK)));
    absl::string_view times = Text(kCpuTimes);
    details.user_ns = Field(times, "user") * tick_ns;
    details.system_ns = Field(times, "system") * tick_ns;
    absl::string_view stat = Text(kCpuStat);
    details.periods = Field(stat, "nr_periods");
    details.throttled_periods = Field(stat, "nr_throttled");
    details.throttled_ns = Field(stat, "throttled_time");
    details.limit_hits = Number(kMemoryFailures);
    details.oom_kills = Field(Text(kMemoryEvents), "oom_kill");
    details.kernel_memory = Number(kKernelMemory);
    AddBlkio(Text(kIoBytes), &DeviceIo::read_bytes, &DeviceIo::written_bytes,
             details.io);
    AddBlkio(Text(kIoCounts), &DeviceIo::reads, &DeviceIo::writes, details.io);
  }
  details.memory_peak = Number(kMemoryPeak);
  details.tasks_limit = Limit(kTasksLimit).value_or(0);
  details.processes = ParsePids(Text(kProcesses));
  if (!processes_directory_.empty()) {
    AddProcessesBelow(processes_directory_, details.processes);
  }
  return details;
}

}  // namespace runtime::cgroup
