// SPDX-License-Identifier: Apache-2.0
// What a cgroup uses and has used, of v1, hybrid and v2 hosts alike. A Meter
// keeps its files open: a reading is one pread(2) per file, no path is walked
// but for nested cgroups, and no list of processes is visited. Open files of a
// cgroup do not keep it from being removed; readings fail from then on.
#ifndef CORACLE_RUNTIME_CGROUP_METER_H_
#define CORACLE_RUNTIME_CGROUP_METER_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"

namespace runtime::cgroup {

// Pressure stall information of one resource.
struct Pressure {
  struct Line {
    uint64_t total_us = 0;
    double avg10 = 0, avg60 = 0, avg300 = 0;  // percent
  };
  Line some, full;
};

// What is cheap and asked for often. An absent value is one that this kernel
// does not keep, or a limit that is not set.
struct Usage {
  uint64_t cpu_ns = 0;
  // Bytes. The working set is the usage less file pages that are easy to drop.
  uint64_t memory = 0, working_set = 0, rss = 0, cache = 0, mapped_file = 0;
  uint64_t shmem = 0;
  std::optional<uint64_t> memory_limit;
  uint64_t swap = 0;
  std::optional<uint64_t> swap_limit;  // of swap alone
  // Counters, of the cgroup itself and with all below it. v2 knows only all.
  uint64_t page_faults = 0, major_page_faults = 0;
  uint64_t own_page_faults = 0, own_major_page_faults = 0;
  std::optional<uint64_t> tasks;  // threads
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;
};

// One block device's part.
struct DeviceIo {
  unsigned major = 0, minor = 0;
  uint64_t read_bytes = 0, written_bytes = 0, reads = 0, writes = 0;
};

// What only the metrics want.
struct Details {
  uint64_t user_ns = 0, system_ns = 0;
  uint64_t periods = 0, throttled_periods = 0, throttled_ns = 0;
  uint64_t memory_peak = 0, kernel_memory = 0;
  uint64_t limit_hits = 0;  // of memory
  uint64_t oom_kills = 0;
  uint64_t tasks_limit = 0;  // 0 = none
  std::vector<DeviceIo> io;
  std::vector<pid_t> processes;  // of the cgroup and all below it
};

// A file that is opened at its first reading and kept, unless all files of this
// kind together would take more than half of the descriptors that the process
// may have: then it is opened for each reading. Not thread safe.
class KeptFile {
 public:
  KeptFile() = default;
  ~KeptFile();
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  // Before the first reading. Without it there is no such file.
  void Place(std::string path) { path_ = std::move(path); }

  // The content, read into `buffer`, or "" if the file cannot be read; `error`
  // is then its errno (ENOENT and ENODEV: there is no such file any more).
  absl::string_view Read(std::string& buffer, int* error = nullptr);

 private:
  std::string path_;  // "" once it is kept
  UniqueFd fd_;
};

// Not thread safe. At most about 20 descriptors, opened when first needed.
class Meter {
 public:
  // `path` is the cgroup's below each hierarchy's root. It need not exist yet.
  Meter(const Layout& layout, const std::string& path);

  // NOT_FOUND if the cgroup is gone.
  absl::StatusOr<Usage> Read();
  absl::StatusOr<Details> ReadDetails();

 private:
  absl::StatusOr<Usage> ReadUsage();
  absl::StatusOr<Details> ReadMore();

  enum File {
    kCpu,  // the file by which the cgroup's life is told
    kCpuTimes,
    kCpuStat,
    kMemory,
    kMemoryStat,
    kMemoryLimit,
    kSwap,
    kSwapLimit,
    kMemoryPeak,
    kMemoryFailures,
    kMemoryEvents,
    kKernelMemory,
    kTasks,
    kTasksLimit,
    kProcesses,
    kIoBytes,
    kIoCounts,
    kCpuPressure,
    kMemoryPressure,
    kIoPressure,
    kFiles
  };
  void PlaceV1(const Layout& layout, const std::string& path);
  void PlaceV2(const std::string& directory);
  void PlacePressure(const std::string& directory);
  absl::string_view Text(File file) { return files_[file].Read(buffer_); }
  uint64_t Number(File file);
  // Absent if it is "max" or v1's way to say so.
  std::optional<uint64_t> Limit(File file);
  std::optional<Pressure> PressureOf(File file);
  void ReadMemoryStat(Usage& usage);

  const bool v2_;
  const std::string path_;
  std::string processes_directory_;  // "" if no hierarchy has them
  std::array<KeptFile, kFiles> files_;
  std::string buffer_;  // empty between readings
};

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_METER_H_
