// SPDX-License-Identifier: Apache-2.0
// Names of systemd's slices and where their cgroups are. Pure.
#ifndef CORACLE_RUNTIME_SYSTEMD_SLICE_H_
#define CORACLE_RUNTIME_SYSTEMD_SLICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::systemd {

// The cgroup of a slice below systemd's root: each '-' in its name is a level,
// so "a-b.slice" is "/a.slice/a-b.slice" (systemd.slice(5)). INVALID_ARGUMENT
// for what is no name of a slice, and for the root slice "-.slice".
absl::StatusOr<std::string> SlicePath(absl::string_view name);

// The slice that a cgroup parent of CRI names: the name alone, or the path that
// kubelets give, which then has to be the one of that name. INVALID_ARGUMENT
// otherwise.
absl::StatusOr<std::string> SliceOfParent(absl::string_view parent);

// The scope that holds a sandbox's containers; valid for every sandbox ID that
// has no '+'.
std::string ScopeName(absl::string_view sandbox_id);

}  // namespace runtime::systemd

#endif  // CORACLE_RUNTIME_SYSTEMD_SLICE_H_
