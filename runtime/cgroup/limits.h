// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_CGROUP_LIMITS_H_
#define CORACLE_RUNTIME_CGROUP_LIMITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/writes.h"
#include "runtime/spec/spec.h"

namespace runtime::cgroup {

// `path` is the cgroup's path below each hierarchy's mount point.
absl::Status LimitV1(const Layout& layout, const std::string& path,
                     const spec::Resources& resources,
                     const std::vector<spec::Device>& devices, Writes& writes);
absl::Status LimitV2(const std::string& directory,
                     const spec::Resources& resources,
                     const std::vector<spec::Device>& devices, Writes& writes);

// Writes the huge page limits into the files "hugetlb.SIZE.<suffix>" of one
// cgroup. INVALID_ARGUMENT names a size that there is not. A host without the
// controller cannot limit: the sizes are compared with those below `host_pages`
// and nothing is written, as kubelets limit every size of the host, mostly to
// 0.
absl::Status LimitHugepages(
    const std::string& directory, absl::string_view suffix,
    const spec::Resources& resources, Writes& writes,
    const std::string& host_pages = "/sys/kernel/mm/hugepages");

// What writing `cpus` or `mems` of linux.resources.cpu came to, with the
// field's name: INVALID_ARGUMENT for processors or nodes that the host or the
// parent does not have, FAILED_PRECONDITION without the controller.
absl::Status CpusetStatus(absl::string_view field, const absl::Status& written);

// How errors name an entry of `unified`.
std::string UnifiedField(absl::string_view file);

// The OCI value of cpu.shares (2–262144) as cpu.weight (1–10000).
uint64_t WeightOfShares(uint64_t shares);

// The device rules in force: those of the config, then what every container
// may use, then the devices that the config creates.
std::vector<spec::DeviceRule> DeviceRules(
    const spec::Resources& resources, const std::vector<spec::Device>& devices);

// cgroup v2 has no devices controller: a BPF program decides.
absl::Status AttachDeviceProgram(const std::string& directory,
                                 const std::vector<spec::DeviceRule>& rules);

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_LIMITS_H_
