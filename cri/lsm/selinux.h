// SPDX-License-Identifier: Apache-2.0
// Which SELinux labels a container and its files get.
#ifndef CORACLE_CRI_LSM_SELINUX_H_
#define CORACLE_CRI_LSM_SELINUX_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/lsm/host.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::lsm {

struct SelinuxLabels {
  std::string process, mount;  // both "" = none
};

// INVALID_ARGUMENT names the part that no label can have.
absl::Status CheckSelinux(const runtime::v1::SELinuxOption& options);

// The labels that `options` ask for; what they leave out is taken from the
// policy's contexts/lxc_contexts. Without any options there are none. On a host
// without SELinux options are refused with FAILED_PRECONDITION, since nothing
// would enforce them, but for the type spc_t, which asks for no confinement:
// DaemonSets name it to run on hosts of both kinds.
absl::StatusOr<SelinuxLabels> LabelsFor(
    const runtime::v1::SELinuxOption& options, const Host& host = Host());

// Gives `label` to `path` and all below it, without following links or leaving
// its file system. INVALID_ARGUMENT for directories that the host itself needs
// as they are (CVE-2021-43816).
absl::Status Relabel(const std::string& path, const std::string& label);

}  // namespace cri::lsm

#endif  // CORACLE_CRI_LSM_SELINUX_H_
