// SPDX-License-Identifier: Apache-2.0
// Which sysctls a pod may set: those that belong to a namespace of its own.
#ifndef CORACLE_CRI_SANDBOX_SYSCTL_H_
#define CORACLE_CRI_SANDBOX_SYSCTL_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/map.h"

namespace cri::sandbox {

using SysctlMap = google::protobuf::Map<std::string, std::string>;

// Names with dots → values, or INVALID_ARGUMENT that names the offender. Slash
// names ("net/ipv4/ip_forward") are turned into dotted ones. Values may hold
// printable characters but none that a helper would take for a separator
// (CVE-2022-0811).
absl::StatusOr<std::map<std::string, std::string>> ValidateSysctls(
    const SysctlMap& sysctls, bool host_network, bool host_ipc);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_SYSCTL_H_
