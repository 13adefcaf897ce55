// SPDX-License-Identifier: Apache-2.0
// The texts of cgroup files as numbers. Lines that are not understood are left
// out: kernels add new ones.
#ifndef CORACLE_RUNTIME_CGROUP_METER_PARSE_H_
#define CORACLE_RUNTIME_CGROUP_METER_PARSE_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/cgroup/meter.h"

namespace runtime::cgroup {

// The number after "<key> " at the beginning of a line, or 0.
uint64_t Field(absl::string_view text, absl::string_view key);

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull …"; absent if there is
// no such line. Old kernels have no "full" for the processor.
std::optional<Pressure> ParsePressure(absl::string_view text);

// v2's io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …".
std::vector<DeviceIo> ParseIoStat(absl::string_view text);

// v1's "8:0 Read 1" and "8:0 Write 2", into the two members named.
void AddBlkio(absl::string_view text, uint64_t DeviceIo::*read,
              uint64_t DeviceIo::*written, std::vector<DeviceIo>& devices);

// One number a line.
std::vector<pid_t> ParsePids(absl::string_view text);

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_METER_PARSE_H_
