// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/proc_file.h"

#include <algorithm>
#include <array>

namespace runtime::spec {
namespace {

constexpr std::array<absl::string_view, 10> kFiles = {
    "/proc/cpuinfo", "/proc/diskstats",
    "/proc/meminfo", "/proc/stat",
    "/proc/swaps",   "/proc/uptime",
    "/proc/loadavg", "/proc/slabinfo",
    "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
};

}  // namespace

bool MayBeCovered(absl::string_view destination) {
  return std::find(kFiles.begin(), kFiles.end(), destination) != kFiles.end();
}

}  // namespace runtime::spec
