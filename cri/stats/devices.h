// SPDX-License-Identifier: Apache-2.0
// Names of block devices and open descriptors of processes.
#ifndef CORACLE_CRI_STATS_DEVICES_H_
#define CORACLE_CRI_STATS_DEVICES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cri::stats {

// "/dev/vda1"; "0:45" for what is no block device (an overlay, a tmpfs).
std::string DeviceName(unsigned device_major, unsigned device_minor);

// How many descriptors the processes have open, those that are gone by now left
// out. One stat(2) each since Linux 6.2; before, their /proc/<pid>/fd is
// listed.
uint64_t CountDescriptors(const std::vector<pid_t>& processes);

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_DEVICES_H_
